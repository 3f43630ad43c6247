package main_test

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

// The README's moving picture. .ci/pictures makes it.
var film = flag.String("film", "", "GIF file to write the story of an incident to")

const filmWidth, filmHeight = 1000, 700

// reel is a film that is being made: screenshots, each with how long it is shown in hundredths of a second.
type reel struct {
	w      *window
	frames []image.Image
	delays []int
}

// shoot takes a frame of the page with a caption at its bottom. top is the element that the page is scrolled to.
func (r *reel) shoot(seconds int, caption, top string) {
	r.w.t.Helper()
	r.w.evaluate(fmt.Sprintf(`(() => {
		const at = %q && document.querySelector(%[1]q);
		scrollTo(0, at ? at.getBoundingClientRect().top + scrollY - 72 : 0);
		document.getElementById("caption")?.remove();
		document.styleSheets[0].insertRule(":not(code) {font-family: 'Liberation Sans', 'DejaVu Sans', " +
			"'Noto Color Emoji', sans-serif !important}");
		const e = document.createElement("div");
		e.id = "caption";
		e.textContent = %q;
		Object.assign(e.style, {position: "fixed", left: 0, right: 0, bottom: 0, padding: "14px 20px", zIndex: 99,
			font: "600 19px sans-serif", color: "#fff", background: "#1f2328"});
		document.body.append(e);
		document.querySelector("#clock")?.style.setProperty("bottom", "52px");
	})()`, top, caption))
	shot, err := chromedp.Run(r.w.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		r.w.t.Fatal(err)
	}
	frame, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		r.w.t.Fatal(err)
	}
	r.frames, r.delays = append(r.frames, frame), append(r.delays, 100*seconds)
	r.w.evaluate(`document.getElementById("caption").remove()`)
}

// encode returns the film as a GIF that repeats for ever.
func (r *reel) encode() ([]byte, error) {
	palette := commonColours(r.frames)
	nearest := map[color.RGBA]uint8{}
	out := &gif.GIF{Delay: r.delays}
	for _, frame := range r.frames {
		b := frame.Bounds()
		p := image.NewPaletted(b, palette)
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				c := rgba(frame.At(x, y))
				i, isKnown := nearest[c]
				if !isKnown {
					i = uint8(palette.Index(c))
					nearest[c] = i
				}
				p.Pix[p.PixOffset(x, y)] = i
			}
		}
		out.Image = append(out.Image, p)
	}
	var b bytes.Buffer
	err := gif.EncodeAll(&b, out)
	return b.Bytes(), err
}

func rgba(c color.Color) color.RGBA {
	r, g, b, _ := c.RGBA()
	return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 0xff}
}

// commonColours returns the 64 most frequent colours: pages are flat, so that needs no dithering.
func commonColours(frames []image.Image) color.Palette {
	counts := map[color.RGBA]int{}
	for _, frame := range frames {
		b := frame.Bounds()
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				counts[rgba(frame.At(x, y))]++
			}
		}
	}
	var all []color.RGBA
	for c := range counts {
		all = append(all, c)
	}
	key := func(c color.RGBA) int { return int(c.R)<<16 | int(c.G)<<8 | int(c.B) }
	slices.SortFunc(all, func(a, b color.RGBA) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return key(a) - key(b)
	})
	// Shades that differ by little would take the room of those that are rare and needed.
	var palette color.Palette
	for _, c := range all {
		isNear := slices.ContainsFunc(palette, func(p color.Color) bool {
			o := p.(color.RGBA)
			near := func(x, y uint8) bool { return max(x, y)-min(x, y) < 14 }
			return near(o.R, c.R) && near(o.G, c.G) && near(o.B, c.B)
		})
		if !isNear {
			palette = append(palette, c)
		}
		if len(palette) == 64 {
			break
		}
	}
	return palette
}

// TestFilm plays a whole incident and writes it as a GIF, if -film names a file.
func TestFilm(t *testing.T) {
	if *film == "" {
		return
	}
	w := open(t)
	r := &reel{w: w}
	w.do(chromedp.EmulateViewport(filmWidth, filmHeight))
	w.become("alice")
	w.visit("/acme/incidents/issues/new/choose")
	w.leave(click("#forms li:first-child a"))
	w.insert(`[name="issue-title"]`, "The API of globex is down")
	w.insert("[name=summary]", "Customers of globex get 502 from the API since 10:38")
	w.do(chromedp.SendKeys(chromedp.CSS("[name=severity]"), "critical"))
	w.insert("[name=customers]", "globex")
	w.insert("[name=source]", "Gina called")
	r.shoot(3, "alice reports a critical incident with the issue form", "")
	w.leave(click("form#new-issue button[name=create]"))
	settle(t, w.demo.url)
	const issue = "/acme/incidents/issues/1"
	w.visit(issue)
	w.sees("#pinned", "No Incident Coordinator yet")
	r.shoot(4, "The coordinators are paged at once. The pinned card says what is missing", "#pinned")

	w.post("", "/sandbox/clock", `{"advance":"3m"}`)
	w.become("carol")
	w.insert("form#comment textarea", "/ic")
	r.shoot(2, "carol takes the role of Incident Coordinator", "form#comment")
	w.leave(click("form#comment button[name=comment]"))
	settle(t, w.demo.url)
	w.visit(issue)
	r.shoot(3, "The page is answered. carol coordinates, alice debugs", "#pinned")

	w.become("alice")
	w.comment("/oe finding The load balancer drops half of the connections")
	w.become("carol")
	w.comment("/ic phase investigate")
	w.comment("/ic update Half of the requests fail. We know where, and are back within 20 minutes.")
	w.visit(issue)
	r.shoot(4, "Findings are recorded. The customer hears from carol every 20 minutes", "#pinned")
	w.visit("/_outbox")
	r.shoot(3, "Pages and customer updates leave by the channels of the configuration", "")

	w.post("", "/sandbox/clock", `{"advance":"16m"}`)
	w.visit(issue)
	r.shoot(3, "The next update is due soon: the card turns amber", "#pinned")

	w.become("alice")
	w.comment("/oe cause A certificate ran out at 10:37")
	w.become("carol")
	w.comment("/ic phase fixing")
	w.become("alice")
	w.comment("/oe workaround The old certificate's successor is in place by hand")
	w.become("carol")
	w.comment("/ic update The API answers again. We watch it and come back tomorrow.")
	w.comment("/ic phase monitoring")
	w.visit(issue)
	r.shoot(4, "Cause and workaround are known. The fix is watched for 24 hours", "#pinned")

	w.post("", "/sandbox/clock", `{"advance":"24h"}`)
	settle(t, w.demo.url)
	w.comment("/ic agree Gina, by phone, sees no errors since yesterday")
	w.comment("/ic followup acme/payments Add a limit @erin due:2027-03-20")
	w.comment("/ic close")
	w.visit(issue)
	w.sees("#state", "Closed")
	r.shoot(4, "The customer agrees, and carol closes the incident", "#pinned")

	w.visit("/acme/incidents/pulls")
	w.leave(click("#list .issue-row .title"))
	r.shoot(3, "Firebreak opens the postmortem as a pull request, for IC and OE to review", "")
	w.leave(click(`.subtabs a[href$="/files"]`))
	w.sees(".diff-file .name", "postmortems/")
	document := w.evaluate(`document.body.innerText.match(/postmortems\/\S+\.md/)[0]`)
	w.visit("/acme/incidents/blob/postmortem/1/" + document)
	r.shoot(4, "It contains everything that was recorded, and prompts for what people must add", "article, .markdown-body, h1")
	w.visit("/acme/payments/issues")
	w.leave(click("#list .issue-row .title"))
	r.shoot(3, "The follow-up is a ticket in the owning team's repository", "")

	content, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*film, content, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d frames, %d bytes", *film, len(r.frames), len(content))
}
