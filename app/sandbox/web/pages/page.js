// Niceties only: without this script every page and form works just the same.
"use strict";
(() => {
  const $$ = (selector, root = document) => Array.from(root.querySelectorAll(selector));

  // Elements that stand in for the script, and those that need it.
  function prepare(root) {
    $$("[data-nojs]", root).forEach((e) => { e.hidden = true; });
    $$("[data-tab], [data-edit]", root).forEach((e) => { e.hidden = false; });
  }
  prepare(document);

  // Choosing a person is enough. With the keyboard each arrow chooses already: there Enter decides, or the button.
  document.addEventListener("change", (event) => {
    if (event.target.matches("#person select") && !event.target.dataset.keyed) event.target.form.requestSubmit();
  });
  document.addEventListener("pointerdown", (event) => {
    if (event.target.matches("#person select")) delete event.target.dataset.keyed;
  });
  document.addEventListener("keydown", (event) => {
    if (!event.target.matches("#person select") || event.key === "Tab") return;
    event.target.dataset.keyed = "1";
    event.target.form.querySelector("[data-nojs]").hidden = false;
    if (event.key === "Enter") { event.preventDefault(); event.target.form.requestSubmit(); }
  });

  // A menu that the keyboard leaves closes behind it.
  document.addEventListener("focusout", (event) => {
    const menu = event.target.closest("details[data-menu][open]");
    if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });

  // Ctrl+Enter or Cmd+Enter sends the form that one is typing in; Escape closes a menu.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) {
      const form = event.target.form;
      const button = form.querySelector("button[name=comment], button.btn-primary");
      event.preventDefault();
      form.requestSubmit(button && !button.disabled ? button : undefined);
    }
    if (event.key === "Escape") {
      const open = event.target.closest && event.target.closest("details[data-menu][open]");
      if (open) { open.open = false; open.querySelector("summary").focus(); }
    }
  });

  document.addEventListener("click", async (event) => {
    $$("details[data-menu][open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
    const edit = event.target.closest("[data-edit]");
    if (edit) {
      const box = document.getElementById(edit.dataset.edit);
      const menu = edit.closest("details");
      if (menu) menu.open = false;
      const editor = box.querySelector("details.edit");
      editor.open = true;
      editor.querySelector("textarea").focus();
    }
    const cancel = event.target.closest("[data-cancel]");
    if (cancel) {
      event.preventDefault();
      const editor = cancel.closest("details.edit");
      editor.querySelector("form").reset();
      editor.open = false;
    }
    const tab = event.target.closest("[data-tab]");
    if (tab) await showTab(tab);
  });

  async function showTab(tab) {
    const composer = tab.closest("[data-composer]");
    const text = composer.querySelector("textarea");
    const preview = composer.querySelector(".preview");
    $$("[data-tab]", composer).forEach((other) => other.classList.toggle("current", other === tab));
    const previewing = tab.dataset.tab === "preview";
    text.hidden = previewing;
    preview.hidden = !previewing;
    if (!previewing) { text.focus(); return; }
    const body = new URLSearchParams({ body: text.value });
    const answer = await fetch(composer.dataset.preview, { method: "POST", body });
    preview.innerHTML = answer.ok ? await answer.text() : "The preview could not be made.";
  }

  // A form is sent once.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => $$("form[data-sent]").forEach((form) => delete form.dataset.sent));

  // What a person is typing, has chosen or has opened stays while the rest of the page follows the server.
  function touched(field) {
    if (field === document.activeElement) return true;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return $$("option", field).some((option) => option.selected !== option.defaultSelected);
    return field.value !== field.defaultValue;
  }
  const inUse = (form) => $$("input, textarea, select", form).some((field) => field.type !== "hidden" && touched(field));

  function morph(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || (old.id || "") !== (fresh.id || "")) {
      old.replaceWith(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) { old.nodeValue = fresh.nodeValue; return; }
    if (old.tagName === "FORM" && inUse(old)) return;
    if (old.tagName === "FORM" && old.closest("details[open][data-menu]")) return;
    if (old.matches(".composer .preview, .composer .composer-tab")) return;
    const keep = new Set(old.tagName === "DETAILS" ? ["open"] : []);
    for (const { name } of Array.from(old.attributes)) if (!keep.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of Array.from(fresh.attributes)) if (!keep.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (old.tagName === "TEXTAREA") { old.value = old.defaultValue = fresh.defaultValue; return; }
    if (old.tagName === "INPUT") { old.checked = fresh.defaultChecked; if (old.type !== "checkbox" && old.type !== "radio") old.value = fresh.defaultValue; return; }
    const now = Array.from(old.childNodes);
    const next = Array.from(fresh.childNodes);
    const stays = pair(now, next);
    const kept = new Set(stays.filter(Boolean));
    for (const child of now) if (!kept.has(child)) child.remove();
    let at = old.firstChild;
    next.forEach((child, n) => {
      if (!stays[n]) { old.insertBefore(child, at); return; }
      at = stays[n].nextSibling;
      morph(stays[n], child);
    });
  }

  // pair finds for each new node the old one that stays in its place: as many as can, in order, so that what a person
  // has opened, focused or marked outlives a paragraph that comes or goes before it.
  function pair(now, next) {
    const alike = (a, b) => a.nodeName === b.nodeName && (a.id || "") === (b.id || "");
    const most = Array.from({ length: now.length + 1 }, () => new Array(next.length + 1).fill(0));
    for (let i = now.length - 1; i >= 0; i--) {
      for (let j = next.length - 1; j >= 0; j--) {
        most[i][j] = alike(now[i], next[j]) ? most[i + 1][j + 1] + 1 : Math.max(most[i + 1][j], most[i][j + 1]);
      }
    }
    const stays = new Array(next.length).fill(null);
    for (let i = 0, j = 0; i < now.length && j < next.length;) {
      if (alike(now[i], next[j])) stays[j++] = now[i++];
      else if (most[i + 1][j] >= most[i][j + 1]) i++;
      else j++;
    }
    return stays;
  }

  async function refresh() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (fresh.body.dataset.person !== document.body.dataset.person) { location.reload(); return; }
    prepare(fresh);
    document.title = fresh.title;
    document.body.dataset.version = fresh.body.dataset.version;
    // What one types in, else what one reads, stays where it is in the window.
    const typing = document.activeElement.matches("textarea, input") && inView(document.activeElement);
    const fixed = typing ? document.activeElement : scrollY > 0 && document.elementFromPoint(innerWidth / 3, innerHeight / 3);
    const top = fixed && fixed.getBoundingClientRect().top;
    for (const id of ["header", "main"]) {
      const old = document.getElementById(id);
      morph(old, document.adoptNode(fresh.getElementById(id)));
    }
    if (fixed && fixed.isConnected) scrollBy(0, fixed.getBoundingClientRect().top - top);
  }

  function inView(element) {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  }

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  async function follow() {
    for (;;) {
      try {
        while (document.hidden) await pause(500);
        const after = document.body.dataset.version;
        // A hidden page lets go of its connection: browsers have few for one host.
        const stop = new AbortController();
        const hide = () => { if (document.hidden) stop.abort(); };
        document.addEventListener("visibilitychange", hide, { once: true });
        const answer = await fetch("/sandbox/version?after=" + encodeURIComponent(after), { signal: stop.signal });
        if (!answer.ok) { await pause(3000); continue; }
        const { version } = await answer.json();
        if (String(version) !== after) await refresh();
        await pause(150);
      } catch { await pause(2000); }
    }
  }
  if (!("still" in document.body.dataset)) follow(); // what another server posted here can't be fetched again

  // On a phone the tab that one is on may stand beyond the edge.
  const current = document.querySelector(".subtabs [aria-current]");
  if (current) current.parentElement.scrollLeft = current.offsetLeft - current.parentElement.offsetLeft;
  if (location.hash && !document.getElementById(location.hash.slice(1))) {
    const target = document.getElementById("user-content-" + location.hash.slice(1));
    if (target) target.scrollIntoView();
  }
})();
