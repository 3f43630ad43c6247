package engine

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/lazily"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Who is who in Slack (S3). The configuration says it of some. Whoever else writes `/incident link` in Slack gets a
// code that they alone see, and writes that on GitHub, where it is known who they are. What is linked is sealed in
// the store, in both directions: either end can be linked to another one, and only what agrees counts.

const (
	linkPurpose  = "slack link v1" // keeps another sealed text from being a link
	linkCodeLife = 15 * time.Minute
	codeLetters  = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ" // none that looks like another one
	codeLength   = 8
)

// askedLink finds what asks for a code: it is never run as a command from Slack.
var askedLink = lazily.Compile(`(?i)^\s*/incident\s+link(?:\s|$)`)

// keptCode is what is kept of a code.
type keptCode struct {
	User  string    `json:"user"`
	At    time.Time `json:"at"`
	Login string    `json:"login,omitempty"` // who used it
}

func codeKey(code string) string {
	sum := sha256.Sum256([]byte(linkPurpose + "\n" + code))
	return "linkcode/" + hex.EncodeToString(sum[:16])
}

func linkOfUser(user string) string   { return "linked/user/" + user }
func linkOfLogin(login string) string { return "linked/login/" + naming.Key(login) }

// saveSealed keeps a text that only this product can have written.
func (r *reconciliation) saveSealed(key, text string) {
	r.saveKept(key, []byte(r.markKeys().Seal(linkPurpose+"\n"+key+"\n"+text)))
}

func (r *reconciliation) loadSealed(key string) string {
	sealed := r.loadKept(r.Ctx, key)
	if len(sealed) == 0 {
		return ""
	}
	text, ok := r.markKeys().Open(string(sealed))
	if ok {
		text, ok = strings.CutPrefix(text, linkPurpose+"\n"+key+"\n")
	}
	if !ok {
		r.Logger.Warn("a link to Slack doesn't count: it was sealed by another webhook secret", "key", key)
		return ""
	}
	return text
}

// linkedLogin returns whom a member of the workspace said on GitHub that they are.
func (r *reconciliation) linkedLogin(user string) (login string, ok bool) {
	login = r.loadSealed(linkOfUser(user))
	return login, login != "" && r.loadSealed(linkOfLogin(login)) == user
}

// linkedUser returns who somebody is in Slack, as they said on GitHub.
func (r *reconciliation) linkedUser(login string) (user string, ok bool) {
	user = r.loadSealed(linkOfLogin(login))
	return user, user != "" && naming.Equal(r.loadSealed(linkOfUser(user)), login)
}

// offerLink answers in Slack with a code, which only who asked sees.
func (r *reconciliation) offerLink(said incident.ChatSaid) error {
	letters := make([]byte, codeLength)
	if _, err := rand.Read(letters); err != nil {
		return err
	}
	for i, b := range letters {
		letters[i] = codeLetters[int(b)%len(codeLetters)]
	}
	code := string(letters)
	text, err := json.Marshal(keptCode{User: said.User, At: r.Now})
	if err != nil {
		return err
	}
	r.saveSealed(codeKey(code), string(text))
	said.Only = said.User
	return r.answerChat(said, "link", fmt.Sprintf("Write this on <%s|%s>, on GitHub, within 15 minutes: "+
		"`/incident link %s-%s`\nFrom then on what you write in Slack counts as yours.", r.Snapshot.URL, r.Ref,
		code[:4], code[4:]))
}

// lookUpLink looks up a code that somebody wrote on GitHub, and keeps who is who.
func (r *reconciliation) lookUpLink(f incident.Fact, c incident.Command) incident.Command {
	switch {
	case r.isReplay:
		return c
	case c.None:
		r.saveSealed(linkOfLogin(f.By.Login), "-")
		return c
	}
	key := codeKey(c.Text)
	var kept keptCode
	if text := r.loadSealed(key); text == "" || json.Unmarshal([]byte(text), &kept) != nil {
		return c
	}
	isUsed := kept.Login != ""
	if isUsed && !naming.Equal(kept.Login, f.By.Login) || !isUsed && f.At.Sub(kept.At) >= linkCodeLife {
		return c
	}
	c.Member = kept.User
	if isUsed { // a look that is made again comes to the same
		return c
	}
	r.saveSealed(linkOfUser(kept.User), f.By.Login)
	r.saveSealed(linkOfLogin(f.By.Login), kept.User)
	kept.Login = f.By.Login
	if text, err := json.Marshal(kept); err == nil { // texts and times always marshal
		r.saveSealed(key, string(text))
	}
	r.Logger.Info("somebody linked their account in Slack", "login", f.By.Login, "member", kept.User)
	return c
}
