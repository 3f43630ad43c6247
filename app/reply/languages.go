package reply

import (
	"strings"

	"github.com/firebreak-dev/firebreak/app/lazily"
)

// field is a field of the block with which a mail client introduces a mail.
type field int

const (
	sender field = iota
	date
	to
	subject
	cc
	none field = -1
)

// heads are the names of the fields in one language, by field.
type heads [5][]string

// fields are the blocks of Outlook, Apple Mail, Thunderbird and Lotus Notes, in the languages in
// which they are delivered most.
var fields = []heads{
	{{"From"}, {"Sent", "Date", "Sent at"}, {"To"}, {"Subject"}, {"Cc", "Bcc", "Reply-To", "Importance"}},
	{{"Von"}, {"Gesendet", "Datum", "Gesendet am"}, {"An"}, {"Betreff"}, {"Cc", "Kopie", "Antwort an"}},
	{{"De", "Expéditeur"}, {"Envoyé", "Date", "Envoyé le", "Date d'envoi"}, {"À", "A", "Destinataire"}, {"Objet", "Sujet"}, {"Cc", "Copie à", "Répondre à"}},
	{{"De", "Remitente"}, {"Enviado", "Fecha", "Enviado el", "Enviado a las"}, {"Para"}, {"Asunto"}, {"CC", "Responder a"}},
	{{"De", "Remetente"}, {"Enviado", "Enviada", "Data", "Enviado em", "Enviada em"}, {"Para"}, {"Assunto"}, {"Cc", "Responder para"}},
	{{"Da", "Mittente"}, {"Inviato", "Data", "Inviato il"}, {"A", "Destinatario"}, {"Oggetto"}, {"Cc", "Rispondi a"}},
	{{"Van"}, {"Verzonden", "Datum", "Verzonden op"}, {"Aan"}, {"Onderwerp"}, {"CC", "Antwoord aan", "Beantwoorden - Aan"}},
	{{"Od", "Nadawca"}, {"Wysłano", "Wysłane", "Data"}, {"Do", "Adresat"}, {"Temat"}, {"DW", "UDW"}},
	{{"差出人", "送信者", "送信元"}, {"送信日時", "日付", "日時"}, {"宛先"}, {"件名"}, {"Cc", "CC"}},
	{{"发件人", "寄件者", "寄件人"}, {"发送时间", "日期", "發送時間", "寄件日期", "傳送時間", "时间"}, {"收件人", "收件者"}, {"主题", "主旨", "主題"}, {"抄送", "副本"}},
	{{"Från"}, {"Skickat", "Datum"}, {"Till"}, {"Ämne"}, {"Kopia"}},
	{{"Fra"}, {"Sendt", "Dato"}, {"Til"}, {"Emne"}, {"Kopi", "Cc"}},
	{{"Lähettäjä"}, {"Lähetetty", "Päivämäärä"}, {"Vastaanottaja"}, {"Aihe"}, {"Kopio"}},
	{{"От", "От кого"}, {"Отправлено", "Дата"}, {"Кому"}, {"Тема"}, {"Копия"}},
	{{"Od"}, {"Odesláno", "Datum"}, {"Komu"}, {"Předmět"}, {"Kopie"}},
	{{"보낸 사람", "보낸사람"}, {"보낸 날짜", "날짜"}, {"받는 사람", "받는사람"}, {"제목"}, {"참조"}},
	{{"Kimden"}, {"Gönderildi", "Tarih"}, {"Kime"}, {"Konu"}, {"Bilgi"}},
}

// attribution is how one language introduces a quoted mail: what begins the line, if anything must,
// and what is in it or ends it.
type attribution struct {
	begins, wrote string
}

// attributions of Gmail, Apple Mail and Thunderbird. A date is looked for in each as well.
var attributions = []attribution{
	{`(?i:on|at)\s`, `\swrote`}, {``, `\swrote on\s.*\d`},
	{`(?i:am)\s`, `\sschrieb(en Sie)?\b`}, {``, `\sschrieb am\s.*\d`}, {`(?i:am)\s`, `\sgeschrieben`},
	{`(?i:le)\s`, `\sa[\s\x{a0}\x{202f}]+écrit`},
	{`(?i:el)\s`, `\sescribió`}, {``, `\sescribió el\s.*\d`},
	{`(?i:em|no dia|a|às)\s`, `\sescreveu`}, {``, `\sescreveu (no dia|em)\s.*\d`},
	{`(?i:il|in data|il giorno|alle)\s`, `\sha scritto`}, {``, `\sha scritto il\s.*\d`},
	{`(?i:op)\s`, `\s(schreef|het volgende geschreven)\b`}, {``, `\sschreef op\s.*\d`},
	{``, `\s(napisał(\(a\)|a|/a)?|pisze)\b`}, {``, `\snapisał\(a\)`},
	{``, `(さんは書きました|さんが書きました|のメール|さんからのメッセージ)`},
	{``, `(写道|寫道)`},
	{`(?i:den|på|\pL{2,4}\.?)\s`, `\s(skrev|følgende)\b`},
	{``, `\sskrev\s.*\d`},
	{``, `\skirjoitti`}, {``, `\s(написал(\(а\)|а)?|пишет|пише)`}, {``, `\snapsal(\(a\)|a)?`}, {``, `(님이 작성|님이 쓴)`}, {``, `\s(şunu yazdı|yazdı)`},
}

var (
	writers = compileAttributions()

	// when is a date or a time of day, in one of the many forms of mail clients.
	when = lazily.Compile(`\b(19|20)\d\d\b|\d{1,2}[:.h]\d\d\b|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{4}\s?[年년]`)

	// wrote is the verb in any of the languages.
	wrote = compileVerbs()

	// address is one in angle brackets, or one that GitHub masked.
	address = lazily.Compile(`<\s?[^<>\s]*@[^<>]*>|\*\*\*@\*\*\*\.\*\*\*|\[mailto:|\([^()\s]+@[^()\s]+\)`)

	// original is the line that Outlook and others put above a mail, in the languages in which it
	// is seen.
	original = lazily.Compile(`(?i)^[*_\s]*[-–—_]{2,}\s*(` + strings.Join([]string{
		`original message`, `original appointment`, `forwarded message`, `reply message`, `forwarded by .*`,
		`urspr(ü|ue)ngliche (nachricht|mail|e-mail)`, `weitergeleitete nachricht`, `original-?nachricht`, `original ?e?-?mail`,
		`message d'origine`, `message d’origine`, `message original`, `message transféré`, `mensaje original`, `mensaje reenviado`,
		`mensagem original`, `mensagem encaminhada`, `messaggio originale`, `messaggio inoltrato`, `oorspronkelijk bericht`,
		`doorgestuurd bericht`, `(wiadomość oryginalna|oryginalna wiadomość|wiadomość przekazana|przekazana wiadomość)`,
		`元のメッセージ`, `転送メッセージ`, `原始邮件`, `原始郵件`, `邮件原件`, `转发邮件`, `转发的邮件`, `ursprungligt meddelande`,
		`opprinnelig melding`, `oprindelig meddelelse`, `alkuperäinen viesti`, `исходное сообщение`, `пересылаемое сообщение`, `původní zpráva`, `원본 메일`,
	}, "|") + `)\s*[-–—_]{2,}[*_\s]*$`)

	// forwarded begins a mail that was passed on by Apple Mail, and is what LooksQuoted asks about.
	forwarded = lazily.Compile(`(?i)^(begin forwarded message|anfang der weitergeleiteten (nachricht|e-mail)|début du message (transféré|réexpédié)|inicio del mensaje reenviado|início da mensagem (encaminhada|reencaminhada)|inizio messaggio inoltrato|begin doorgestuurd bericht|początek przekazywanej wiadomości)\s*:?$`)

	// footer is the line that GitHub ends its mails with.
	footer = lazily.Compile(`(?i)^(reply to this email directly|you are receiving this because)\b`)

	// device is what telephones and mail clients add below a mail.
	device = lazily.Compile(`(?i)^(` + strings.Join([]string{
		`sent (from|via|using) (my |the )?\S.{0,60}`, `get outlook for (ios|android|mac).{0,60}`,
		`(von meinem .{1,40} gesendet|gesendet (von|mit) .{1,60}|outlook für (ios|android) beziehen.{0,60})`,
		`envoyé (de|depuis|à partir de) (mon |ma )?.{1,60}`, `télécharger outlook pour .{1,60}`, `obtenir outlook pour .{1,60}`,
		`enviado (desde|do|de|a partir do) (mi |meu )?.{1,60}`, `obtener outlook para .{1,60}`, `(obter|obtenha) (o )?outlook para .{1,60}`,
		`inviato (da|dal) (mio )?.{1,60}`, `(scarica|ottieni) outlook per .{1,60}`,
		`(verstuurd|verzonden) (vanaf|van|met|via) (mijn )?.{1,60}`, `outlook voor (ios|android) downloaden.{0,60}`,
		`wysłan[eoy] (z|za pomocą) .{1,60}`, `pobierz (aplikację )?outlook.{1,60}`,
		`.{1,20}から送信(されました)?`, `outlook for (ios|android) を(入手|取得).{0,30}`, `(发自|來自|来自)我的.{1,30}`, `從我的 .{1,20} 傳送`, `获取 outlook for .{1,60}`,
		`skickat från min .{1,40}`, `sendt fra min .{1,40}`, `отправлено с .{1,40}`,
	}, "|") + `)$`)
)

func compileAttributions() (all []*lazily.Regexp) {
	for _, a := range attributions {
		pattern := a.wrote
		if a.begins != "" {
			pattern = `^\W*` + a.begins + `.*` + pattern
		}
		all = append(all, lazily.Compile(pattern))
	}

	return all
}

func compileVerbs() *lazily.Regexp {
	var verbs []string
	for _, a := range attributions {
		verbs = append(verbs, a.wrote)
	}

	return lazily.Compile(strings.Join(verbs, "|"))
}

// isAttribution reports whether a line introduces a quoted mail: it ends as such a line does, has a
// date or time in it, and says that somebody wrote, or names somebody with an address. Gmail's
// oldest form says neither: "2026-11-24 10:40 GMT+01:00 Carol <…>:".
func isAttribution(said string) bool {
	body := strings.TrimRight(said, " *_>\u00a0\u202f")
	if !strings.HasSuffix(body, ":") && !strings.HasSuffix(body, "：") && !strings.HasSuffix(body, "----") {
		return false
	}
	if when.MatchString(said) {
		return address.MatchString(said) || matchesWriter(said)
	}

	return address.MatchString(said) && wrote.MatchString(said)
}

// hasWriter reports whether a line is like one that introduces a quoted mail.
func hasWriter(text string) bool {
	if address.MatchString(text) && when.MatchString(text) {
		return true
	}
	isIntroduction := strings.HasSuffix(text, ":") || strings.HasSuffix(text, "：")

	return isIntroduction && (address.MatchString(text) || when.MatchString(text) && matchesWriter(text))
}

func matchesWriter(text string) bool {
	for _, w := range writers {
		if w.MatchString(text) {
			return true
		}
	}

	return false
}

// isDevice reports whether a line is what a telephone or a mail client adds below what its owner
// wrote.
func isDevice(text string) bool {
	return len(text) < 120 && device.MatchString(strings.Trim(text, "*_ "))
}
