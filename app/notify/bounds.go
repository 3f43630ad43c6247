package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/incident"
	"github.com/firebreak-dev/firebreak/app/naming"
)

// Bounds are how much goes out for an account within an hour; 0 has no bound. One account's fault, or an attack
// on it, costs neither money without end nor the good name of the sender that all accounts share.
type Bounds struct {
	Calls int // calls and texts, which cost money
	Mails int
	Pages int // by a service or a way, each person's counted
}

// DefaultBounds are well beyond what an incident of a large company needs.
var DefaultBounds = Bounds{Calls: 240, Mails: 2000, Pages: 2000}

// ParseBounds reads bounds such as "calls=100, mails=500"; what is not named is as in DefaultBounds.
func ParseBounds(text string) (Bounds, error) {
	b := DefaultBounds
	kinds := map[string]*int{"calls": &b.Calls, "mails": &b.Mails, "pages": &b.Pages}
	for _, entry := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, value, _ := strings.Cut(entry, "=")
		n, err := strconv.Atoi(value)
		if kinds[name] == nil || err != nil || n < 0 {
			return b, fmt.Errorf("%q is not a bound like calls=100: there are %s, and 0 has no bound", entry,
				strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))
		}
		*kinds[name] = n
	}
	return b, nil
}

// The hour of a bound has six parts: what is older than five of them and a begun one counts no more.
const (
	part  = 10 * time.Minute
	parts = 6
)

// spent counts what went out for accounts, for what the store can't say.
type spent struct {
	mu   sync.Mutex
	sent map[string]map[int64]int // by account and kind, and the part of the time
}

// spend counts one more of a kind for the account of ctx, or returns an error if it had as many as it may
// have. Processes count together by what is kept: of two that do so at the same moment one may not count.
func (n *Notifier) spend(ctx context.Context, kind string, what string, most int) error {
	account := incident.AccountOf(ctx)
	if most == 0 || account == "" || ctx.Value(dryKey{}) != nil {
		return nil
	}
	key, now := "rang/account/"+what+"/"+naming.Key(account), n.rang.now().Unix()/int64(part/time.Second)
	byAll := map[int64]int{}
	n.loadKept(ctx, key, &byAll)
	n.spent.mu.Lock()
	own := n.spent.sent[key]
	if own == nil {
		own = map[int64]int{}
		n.spent.sent[key] = own
	}
	total := 0
	for at, count := range byAll {
		own[at] = max(own[at], count)
	}
	maps.DeleteFunc(own, func(at int64, _ int) bool { return at <= now-parts || at > now })
	for _, count := range own {
		total += count
	}
	isAllowed := total < most
	if isAllowed {
		own[now]++
	}
	counted := maps.Clone(own)
	n.spent.mu.Unlock()
	if !isAllowed {
		n.Logger.Error("not sent: an account had as many as it may have within an hour", "account", account,
			"what", what, "bound", most)
		return final(kind, fmt.Sprintf("%s had %d %s within an hour, which is the bound of an account "+
			"(FIREBREAK_ACCOUNT_BOUNDS)", account, most, what))
	}
	n.saveKept(ctx, key, counted)
	return nil
}

// loadKept reads what is kept under a key, if that can be read.
func (n *Notifier) loadKept(ctx context.Context, key string, into any) {
	if n.Kept == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	b, err := n.Kept.Load(ctx, key)
	if err == nil && len(b) > 0 {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		n.Logger.Warn("calls of other processes can't be counted", "err", err)
	}
}

// saveKept keeps a count for other processes.
func (n *Notifier) saveKept(ctx context.Context, key string, value any) {
	if n.Kept == nil {
		return
	}
	b, err := json.Marshal(value)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err == nil {
		err = n.Kept.Save(ctx, key, b)
	}
	if err != nil {
		n.Logger.Warn("a call isn't counted for other processes", "err", err)
	}
}
