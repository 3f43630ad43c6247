package reply_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/reply"
)

// heads begin a mail that is answered, as clients write them in many languages. GitHub masks addresses in what it is sent by mail.
var heads = map[string]string{
	"Outlook, English":             "________________________________\nFrom: Alice <alice@acme.example>\nSent: Tuesday, 24 November 2026 10:40\nTo: acme/incidents <reply@github.example>\nSubject: Re: API down\n",
	"Outlook, masked":              "From: Alice ***@***.***>\nSent: Tuesday, 24 November 2026 10:40\nTo: acme/incidents ***@***.***>\nSubject: Re: [acme/incidents] API down (Issue #12)\n",
	"Outlook, bold":                "**From:** Alice <alice@acme.example>\n**Sent:** Tuesday, 24 November 2026 10:40\n**To:** Carol <carol@acme.example>\n**Subject:** API down\n",
	"Outlook, many people":         "From: Alice <alice@acme.example>\nSent: Tuesday, 24 November 2026 10:40\nTo: Carol <carol@acme.example>; Dan <dan@acme.example>;\nErin <erin@acme.example>\nCc: Gina <gina@globex.example>\nSubject: API down\n",
	"Outlook, blank lines":         "From: Alice\n\nSent: Tuesday, 24 November 2026 10:40\n\nTo: Carol\n\nSubject: API down\n",
	"Outlook, German":              "Von: Alice <alice@acme.example>\nGesendet: Dienstag, 24. November 2026 10:40\nAn: Carol\nBetreff: AW: API down\n",
	"Outlook, French":              "De : Alice <alice@acme.example>\nEnvoyé : mardi 24 novembre 2026 10:40\nÀ : Carol\nObjet : RE: API down\n",
	"Outlook, Spanish":             "De: Alice <alice@acme.example>\nEnviado el: martes, 24 de noviembre de 2026 10:40\nPara: Carol\nAsunto: RE: API down\n",
	"Outlook, Portuguese":          "De: Alice <alice@acme.example>\nEnviada em: terça-feira, 24 de novembro de 2026 10:40\nPara: Carol\nAssunto: RES: API down\n",
	"Outlook, Italian":             "Da: Alice <alice@acme.example>\nInviato: martedì 24 novembre 2026 10:40\nA: Carol\nOggetto: R: API down\n",
	"Outlook, Dutch":               "Van: Alice <alice@acme.example>\nVerzonden: dinsdag 24 november 2026 10:40\nAan: Carol\nOnderwerp: RE: API down\n",
	"Outlook, Polish":              "Od: Alice <alice@acme.example>\nWysłano: wtorek, 24 listopada 2026 10:40\nDo: Carol\nTemat: RE: API down\n",
	"Outlook, Japanese":            "差出人: Alice <alice@acme.example>\n送信日時: 2026年11月24日 10:40\n宛先: Carol\n件名: RE: API down\n",
	"Outlook, Chinese":             "发件人: Alice <alice@acme.example>\n发送时间: 2026年11月24日 10:40\n收件人: Carol\n主题: 回复: API down\n",
	"Outlook, Chinese, full width": "寄件者：Alice <alice@acme.example>\n寄件日期：2026年11月24日 上午 10:40\n收件者：Carol\n主旨：RE: API down\n",
	"Original Message":             "-----Original Message-----\nFrom: Alice\nTo: Carol\n",
	"Ursprüngliche Nachricht":      "-----Ursprüngliche Nachricht-----\nVon: Alice\n",
	"QQ":                           "------------------ 原始邮件 ------------------\n发件人: Alice\n",
	"Gmail":                        "On Tue, Nov 24, 2026 at 10:40 AM Alice <alice@acme.example> wrote:\n",
	"Gmail, wrapped":               "On Tue, Nov 24, 2026 at 10:40 AM Alice <\nalice@acme.example> wrote:\n",
	"Gmail, old":                   "2026-11-24 10:40 GMT+01:00 Alice <alice@acme.example>:\n",
	"Gmail, German":                "Am Di., 24. Nov. 2026 um 10:40 Uhr schrieb Alice <alice@acme.example>:\n",
	"Gmail, German, turned":        "Alice <alice@acme.example> schrieb am Di., 24. Nov. 2026, 10:40:\n",
	"Gmail, French":                "Le mar. 24 nov. 2026 à 10:40, Alice <alice@acme.example> a écrit :\n",
	"Gmail, Spanish":               "El mar, 24 nov 2026 a las 10:40, Alice (<alice@acme.example>) escribió:\n",
	"Gmail, Portuguese":            "Em ter., 24 de nov. de 2026 às 10:40, Alice <alice@acme.example> escreveu:\n",
	"Gmail, Italian":               "Il giorno mar 24 nov 2026 alle ore 10:40 Alice <alice@acme.example> ha scritto:\n",
	"Gmail, Dutch":                 "Op di 24 nov 2026 om 10:40 schreef Alice <alice@acme.example>:\n",
	"Gmail, Polish":                "wt., 24 lis 2026 o 10:40 Alice <alice@acme.example> napisał(a):\n",
	"Gmail, Japanese":              "2026年11月24日(火) 10:40 Alice <alice@acme.example>:\n",
	"Gmail, Chinese":               "Alice <alice@acme.example> 于2026年11月24日周二 10:40写道：\n",
	"Apple Mail":                   "On 24. Nov 2026, at 10:40, Alice <alice@acme.example> wrote:\n",
	"Apple Mail, no address":       "On Nov 24, 2026, at 10:40, Alice wrote:\n",
	"Apple Mail, German":           "Am 24.11.2026 um 10:40 schrieb Alice <alice@acme.example>:\n",
	"Apple Mail, French":           "Le 24 nov. 2026 à 10:40, Alice <alice@acme.example> a écrit :\n",
	"Apple Mail, Japanese":         "2026/11/24 10:40、Alice <alice@acme.example>のメール:\n",
	"Apple Mail, Chinese":          "在 2026年11月24日，上午10:40，Alice <alice@acme.example> 写道：\n",
	"masked by GitHub":             "On Tue, Nov 24, 2026 at 10:40 AM Alice ***@***.***> wrote:\n",
	"Thunderbird":                  "Alice <alice@acme.example> wrote:\n",
	"GitHub's footer":              "—\nReply to this email directly, view it on GitHub, or unsubscribe.\n",
}

func TestK1NothingBelowAQuotedMailIsTheAuthors(t *testing.T) {
	const own = "/ic update We found it, back in 10 minutes.\nThanks"
	for name, head := range heads {
		for how, text := range map[string]string{
			"":               own + "\n\n" + head + "\nInternal only\n\n/incident decline it was a test\n",
			"no blank line":  own + "\n" + head + "Internal only\n/incident decline it was a test\n",
			"marked":         own + "\n\n" + head + "> Internal only\n> /incident decline it was a test\n",
			"CRLF":           strings.ReplaceAll(own+"\n\n"+head+"\nInternal only\n", "\n", "\r\n"),
			"no-break space": own + "\n\u00a0\n\u200b" + head + "\nInternal only\n",
		} {
			if got := reply.Own(text); strings.ReplaceAll(strings.TrimSpace(got), "\r", "") != own && !(how == "marked" && strings.HasPrefix(head, "—")) {
				t.Errorf("%s %s: %q", name, how, got)
			}
		}
	}
}

func TestK1SignaturesAreNobodys(t *testing.T) {
	const own = "/ic update We are working on it."
	for _, signature := range []string{
		"-- \nCarol Doe\n+49 170 1234567", "\n-- \nCarol Doe\n+49 170 1234567", "\n--\nCarol Doe", "\nSent from my iPhone", "\nVon meinem iPhone gesendet",
		"\nEnvoyé de mon iPhone", "\nEnviado desde mi iPhone", "\nEnviado do meu iPhone", "\nInviato da iPhone", "\nVerstuurd vanaf mijn iPhone",
		"\nWysłane z iPhone'a", "\niPhoneから送信", "\n发自我的iPhone", "\nGet Outlook for iOS", "\nOutlook für Android beziehen", "\n*Sent from my phone*",
		"\n-- \nCarol Doe\n\nOn Tue, Nov 24, 2026 at 10:40 AM Alice <alice@acme.example> wrote:\n> Internal",
		"\nSent from my iPhone\n\nFrom: Alice\nSent: Tuesday, 24 November 2026 10:40\nTo: Carol\nSubject: API down\n\nInternal",
	} {
		if got := reply.Own(own + "\n" + signature + "\n"); strings.TrimSpace(got) != own {
			t.Errorf("%q: %q", signature, got)
		}
	}
}

// What people write themselves stays whole, though it is like something that mail clients write.
func TestWhatIsWrittenStays(t *testing.T) {
	for _, text := range []string{
		"/oe finding From: 10:05\nTo: 10:20\nerrors on every call",
		"/oe finding The log says:\nfrom: eu-west-1\nto: eu-central-1",
		"/ic note 10:40 alice wrote:\nit is the database",
		"On call today: carol, dan",
		"/oe action Restarted\n--\n/oe cause A bad deployment", // a command below it: then it isn't a signature
		"```\nFrom: Alice\nSent: today 10:40\nTo: Carol\nSubject: API down\n```\n/oe cause As the mail above says",
		"On Tue, Nov 24, 2026 at 10:40 AM Alice <alice@acme.example> wrote:\n> Is it over?\n\nYes.\n/ic close",
		"> From: Alice\n> Sent: today\n> To: Carol\n> Subject: x\n\n/ic",
		"Sent from the queue: 12 messages\nand then it stopped\nand nothing more came", "---\n\n/ic", "text\n\n***\n\nmore", "",
	} {
		if got := reply.Own(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// A block of code that nothing closes hides no quoted mail.
func TestK1AnOpenFenceHidesNothing(t *testing.T) {
	if got := reply.Own("/oe finding\n```\nerror 502\n\nFrom: Alice\nSent: 24 November 2026\nTo: Carol\nSubject: x\n/ic close"); strings.Contains(got, "close") {
		t.Errorf("%q", got)
	}
}

func TestLooksQuoted(t *testing.T) {
	for text, want := range map[string]bool{
		"We found it.\nFrom: Alice\nSubject: internal\nBob deleted the volume":              true,
		"We found it.\nOn Thu, 31 Mar 2016 at 11:16 Alice <alice@acme.example>\nBob did it": true,
		"We found it.\nBegin forwarded message:\n\nBob did it":                              true,
		"We found it.\nalice@acme.example <mailto:alice@acme.example>, 10:40:\nBob did it":  true,
		"We found it at 10:40. Write to <support@acme.example> if you see it.":              true, // an address and a time: better asked than sent
		"We found it at 10:40.":                                                               false,
		"From now on it is fast again: about 10 ms.":                                          false,
		"We expect it to be back at 10:40:\nthe database is being restored.":                  false,
		"The status page is https://status.acme.example; write to support@acme.example: we …": false,
	} {
		if got := reply.LooksQuoted(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzOwn(f *testing.F) {
	for _, head := range heads {
		f.Add("/ic update x\n\n" + head + "y")
		f.Add("/ic update x\n" + strings.ReplaceAll("\u00a0\n"+head+"> y\n>> z\n\n-- \nCarol\n", "\n", "\r\n"))
	}
	for _, s := range []string{"x\n\n-- \nCarol", "x\n--\nCarol\n/ic", "x\n\nSent from my iPhone", "x\n\niPhoneから送信\n", "```\nx\n\nFrom: a\nSent: b\nTo: c\nSubject: d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		own := reply.Own(text)
		if !strings.HasPrefix(text, own) {
			t.Errorf("%q does not begin %q", own, text)
		}
		if again := reply.Own(own); again != own && !strings.HasPrefix(own, again) {
			t.Errorf("%q became %q", own, again)
		}
	})
}

// The time grows with the length, and not faster: each is measured at a sixteenth, a quarter and all
// of the longest comment.
func BenchmarkOwn(b *testing.B) {
	for _, c := range []struct{ name, bit string }{
		{"text", "The database is slow. "},
		{"lines", "On 24 Nov\n"},
		{"fields", "From: a\nTo: b\n"},
		{"fences", "```a\n"},
		{"hyphens", "--\n/x\n"},
		{"addresses", "<a@b>\n>\n"},
	} {
		for _, size := range []int{4 << 10, 16 << 10, 64 << 10} {
			text := strings.Repeat(c.bit, size/len(c.bit))
			b.Run(fmt.Sprintf("%d KB of %s", size>>10, c.name), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					reply.Own(text)
				}
			})
		}
	}
}
