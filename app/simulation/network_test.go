package simulation

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/firebreak-dev/firebreak/app/engine/ports"
	"github.com/firebreak-dev/firebreak/app/sandbox/contract"
)

// network is what lies between the product and GitHub. What goes wrong with a call follows from the
// seed, the call and how often it was made before, so that it does not hang on which of two
// incidents was looked at first.
type network struct {
	seed   uint64
	github http.Handler
	now    func() time.Time
	crash  func()           // the product's process ends here
	twin   func(number int) // another worker looks at an incident, from its start to its end

	between func(call)     // what happens before a call goes out; nil: nothing
	spoil   []*spoiled     // operations that fail for a while
	odd     *oddLimit      // limits that make no sense; nil: none
	oddAt   time.Time      // when such an answer was given last …
	oddOf   map[string]int // … and at that instant, how often to each call
	eager   string         // a call that was made again at once after such an answer
	resting []span         // times in which the product may rest, as GitHub asked it to

	mu     sync.Mutex
	rate   uint64    // faults in a thousand calls; 0: none
	kinds  []trouble // that they are of; nil: all
	made   map[string]int
	dead   bool
	twice  bool         // another worker is at it
	muted  map[int]bool // incidents of which GitHub refused to show a page as a comment
	both   map[int]bool // the incidents that two workers were at
	unsure map[int]bool // the incidents of which the answer to a comment was lost
	until  time.Time    // of a rate limit
	wrote  []string     // every write that reached GitHub, with its answer

	away   []span         // times in which the product could not look at incidents, with the longest distance of two tries
	dim    []span         // times in which reads lagged
	failed []time.Time    // when a call failed
	deaf   map[int][]span // by incident, times in which it had not heard of what somebody did there

	written []string // the same as "METHOD PATH", the path escaped

	telling sync.Mutex // webhooks come while the script goes on
	told    []string   // the faults so far
	again   string     // the last of them

	configured bool      // the configuration was read
	rotaRead   time.Time // when who is on call was read first
	rotaKnown  time.Time // or that there is no such file
	low        bool      // calls were spent faster than they come
	hidden     bool      // postmortems were answered as if they weren't there

	cutAfter int            // calls until something happens; 0: nothing will
	cutAt    *regexp.Regexp // that count
	cutBy    func()         // what

	young  bool                 // a token is refused what it permits in its first second
	tokens map[string]time.Time // when each was used first

	reused  bool     // another repository has the incidents' repository's first name
	strayed []string // what was written there

	unwanted  map[int64]bool // comments that the product asked to delete
	timelines map[string]int // how often an issue's timeline was read, by its number

	last    call    // with which the process ends once GitHub took it
	lastly  func()  // what happens just before that
	denied  *denial // an operation that GitHub refuses; nil: none
	byREST  bool    // GraphQL publishes nothing
	denials int     // how often it did
}

// call is a call's name, and which time it is made.
type call struct {
	name string
	n    int
}

// random draws what goes wrong with a call, or a webhook.
func (n *network) random(c call) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d", n.seed, c.name, c.n)
	x := h.Sum64() // FNV's low bits of like texts are alike
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// count counts a call or a webhook.
func (n *network) count(name string) call {
	n.made[name]++
	return call{name, n.made[name]}
}

// isConfigured reports whether the configuration was read.
func (n *network) isConfigured() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.configured
}

// noteBudget notes that GitHub's calls were spent faster than they come.
func (n *network) noteBudget(of http.Header) {
	left, _ := strconv.Atoi(of.Get("X-RateLimit-Remaining"))
	limit, _ := strconv.Atoi(of.Get("X-RateLimit-Limit"))
	reset, _ := strconv.ParseInt(of.Get("X-RateLimit-Reset"), 10, 64)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.low = n.low || ports.RateBudget{Left: left, Limit: limit, Reset: time.Unix(reset, 0)}.IsLow(n.now())
}

// knewRotations reports whether GitHub had said by a time who is on call, or that there is no such file.
func (n *network) knewRotations(at time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.rotaKnown.IsZero() && !n.rotaKnown.After(at)
}

func (n *network) tell(format string, args ...any) {
	n.telling.Lock()
	defer n.telling.Unlock()
	what := fmt.Sprintf(format, args...)
	if what == n.again { // for hours, perhaps
		return
	}
	n.again = what
	n.told = append(n.told, n.now().Format("02T15:04:05 ")+what)
}

var errCrash = errors.New("the process ended")

// timeout is the error of a client's deadline.
type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// trouble is what goes wrong with one call.
type trouble int

const (
	fine trouble = iota
	refused
	lost     // it happens, and the answer is an error
	timedOut // it does not happen
	slow     // it happens, and the answer comes too late
	secondary
	secondaryAfter
	primary
	crashBefore
	crashAfter
	twoWorkers    // before it happens, another worker looks at the same incident and writes all that follows
	forbidden     // a 4xx that isn't a limit, this time
	forbiddenLong // the same for an hour, for every call of its kind
	troubles
)

var called = [...]string{"fine", "5xx", "answer lost", "timeout before", "timeout after", "secondary limit", "secondary limit with Retry-After", "primary limit", "crash before", "crash after", "two workers", "refused with a 4xx", "refused with a 4xx for a while"}

func (n *network) RoundTrip(req *http.Request) (*http.Response, error) {
	n.mu.Lock()
	if n.dead {
		n.mu.Unlock()
		return nil, errCrash
	}
	if n.twice {
		n.mu.Unlock()
		return n.serve(req), nil
	}
	n.mu.Unlock()
	n.noteDeletion(req)
	if n.between != nil {
		n.between(n.counted("between " + req.Method + " " + canonical(req.URL.Path)))
	}
	n.cutNow(req.Method + " " + canonical(req.URL.Path))
	if n.hasEnded() {
		return nil, errCrash
	}
	if n.isYoung(req) {
		return answer(req, http.StatusForbidden, nil, "Resource not accessible by integration"), nil
	}
	if res, is := n.spoils(req); is {
		return res, nil
	}
	if res, is := n.deny(req); is {
		n.mute(req)
		return res, nil
	}
	n.mu.Lock()
	c := n.count(req.Method + " " + canonical(req.URL.Path))
	what, x := fine, n.random(c)
	if x%1000 < n.rate {
		what = 1 + trouble(x>>20%uint64(troubles-1))
		if n.kinds != nil {
			what = n.kinds[x>>20%uint64(len(n.kinds))]
		}
		n.tell("%s: %s, time %d", called[what], c.name, c.n)
		if what != twoWorkers {
			n.failed = append(n.failed, n.now())
		}
	}
	limited := n.now().Before(n.until)
	if c == n.last {
		what = crashAfter
		n.tell("%s: %s, time %d", called[what], c.name, c.n)
	}
	if what == crashBefore || what == crashAfter {
		n.dead = true // whatever else is under way ends too
	}
	n.mu.Unlock()

	if c == n.last {
		n.lastly()
	}
	switch {
	case what == crashBefore:
		n.crash()
		return nil, errCrash
	case what == twoWorkers:
		n.double(req.URL.Path)
	case (what == forbidden || what == forbiddenLong) && !n.configured && (strings.Contains(req.URL.Path, "/contents/") || strings.HasSuffix(req.URL.Path, "/access_tokens")):
		// Where no configuration was ever read, the defaults count.
	case what == forbidden && isRefusable(req):
		n.mute(req)
		n.leaveBehind(req, 0)
		return answer(req, refusalStatus(req, x>>40), nil, "GitHub does not want this"), nil
	case what == forbiddenLong && isRefusable(req):
		n.mute(req)
		n.leaveBehind(req, time.Hour)
		n.refuse(req, refusalStatus(req, x>>40), time.Duration(1+x>>44%60)*time.Minute)
		return answer(req, refusalStatus(req, x>>40), nil, "GitHub does not want this"), nil
	case what == timedOut:
		return nil, timeout{}
	case what == refused:
		return answer(req, []int{500, 502, 503, 504}[x>>40%4], nil, "Server Error"), nil
	case what == primary && !limited:
		n.limit(time.Duration(1+x>>40%90) * time.Second)
		limited = true
	case what == secondary:
		return answer(req, http.StatusForbidden, nil, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."), nil
	case what == secondaryAfter:
		return answer(req, []int{403, 429}[x>>40%2], map[string]string{"Retry-After": fmt.Sprint(1 + x>>42%100)}, "You have exceeded a secondary rate limit."), nil
	}
	if limited && what == crashAfter { // whatever the answer is, the process is dead
		n.crash()
		return nil, errCrash
	}
	if limited {
		n.mu.Lock()
		n.failed = append(n.failed, n.now())
		n.mu.Unlock()
		return answer(req, http.StatusForbidden, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(n.until.Unix())}, "API rate limit exceeded"), nil
	}
	res := n.serve(req)
	if what == slow || what == lost || what == crashAfter {
		n.leaveUnsure(req)
	}
	switch what {
	case crashAfter:
		n.crash()
		return nil, errCrash
	case slow:
		return nil, timeout{}
	case lost:
		return answer(req, http.StatusBadGateway, nil, "Server Error"), nil
	}
	isRota := strings.HasSuffix(req.URL.Path, "/contents/.github/oncall.yml")
	if isRota && (res.StatusCode == http.StatusOK || res.StatusCode == http.StatusNotFound) {
		n.mu.Lock()
		if n.rotaKnown.IsZero() {
			n.rotaKnown = n.now()
		}
		n.mu.Unlock()
	}
	if strings.Contains(req.URL.Path, "/contents/") && res.StatusCode == http.StatusOK {
		n.mu.Lock()
		n.configured = true
		if n.rotaRead.IsZero() && isRota {
			n.rotaRead = n.now()
		}
		n.mu.Unlock()
	}
	return res, nil
}

// leaveUnsure notes that the product can't know whether a comment is there.
func (n *network) leaveUnsure(req *http.Request) {
	m := numbered.FindStringSubmatch(canonical(req.URL.Path))
	if m == nil || req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/comments") {
		return
	}
	number, _ := strconv.Atoi(m[1])
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unsure[number] = true
}

var numbered = regexp.MustCompile(`/repos/acme/incidents/issues/(\d+)(/|$)`)

// double lets another worker look at the incident that a call is about.
func (n *network) double(path string) {
	m := numbered.FindStringSubmatch(canonical(path))
	if m == nil {
		return
	}
	number, _ := strconv.Atoi(m[1])
	n.both[number] = true
	n.set(true)
	n.twin(number)
	n.set(false)
}

// isRefusable reports whether a call is one that GitHub may refuse in the simulation: the reads of
// a look, the App's way to a token, and what writes, but not into a customer's issue, since an
// update that gets there late is told as late (V3).
func isRefusable(req *http.Request) bool {
	if req.Method == http.MethodGet || strings.Contains(req.URL.Path, "/access_tokens") {
		return lookedAt.MatchString(canonical(req.URL.Path))
	}
	return req.Method != http.MethodGet && !strings.Contains(req.URL.Path, "/attempts") && !strings.Contains(req.URL.Path, "/customer-globex/")
}

// lookedAt are the reads of a look, and the way to a token. Who may do what isn't part of it: a
// command whose author GitHub does not know is answered otherwise (A8), which tests of its own
// hold.
var lookedAt = regexp.MustCompile(`/repos/acme/incidents/(issues/\d+|issues/\d+/timeline|installation|contents/.*)$|/access_tokens$`)

// refusalStatus draws a status. A reaction to what is not found needs none: the comment was deleted.
func refusalStatus(req *http.Request, x uint64) int {
	status := []int{403, 404, 410, 422}[x%4]
	if strings.HasSuffix(req.URL.Path, "/access_tokens") || strings.HasSuffix(req.URL.Path, "/installation") {
		status = []int{401, 403, 404, 422}[x%4]
	}
	if status == http.StatusNotFound && strings.HasSuffix(req.URL.Path, "/reactions") {
		return http.StatusForbidden
	}
	return status
}

// mute notes the incident of a page that GitHub refuses to show as a comment.
func (n *network) mute(req *http.Request) {
	m := numbered.FindStringSubmatch(canonical(req.URL.Path))
	if m == nil || req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/comments") || req.GetBody == nil {
		return
	}
	body, err := req.GetBody()
	if err != nil {
		return
	}
	defer body.Close()
	text, _ := io.ReadAll(body)
	if !strings.Contains(string(text), "firebreak:did page/") {
		return
	}
	number, _ := strconv.Atoi(m[1])
	n.mu.Lock()
	n.muted[number] = true
	n.mu.Unlock()
}

// leaveBehind notes that a card is behind what the product knows, as GitHub refused it for a while:
// what is there as due may be done. It is written again five minutes later.
func (n *network) leaveBehind(req *http.Request, d time.Duration) {
	if req.Method != http.MethodPatch || !strings.Contains(req.URL.Path, "/issues/comments/") {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resting = append(n.resting, span{n.now(), n.now().Add(d + 6*time.Minute)})
}

// refuse makes GitHub refuse every call of a kind for a while.
func (n *network) refuse(req *http.Request, status int, d time.Duration) {
	operation, _, err := contract.Refusals(req.Method, req.URL.EscapedPath())
	if err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if status == http.StatusNotFound && strings.HasSuffix(req.URL.Path, "/.github/firebreak.yml") {
		d = min(d, 10*time.Minute) // after a quarter of an hour it counts as deleted, and another one holds
	}
	n.denied = &denial{operation: operation, status: status, until: n.now().Add(d)}
	n.isAway(n.now(), n.denied.until)
}

// isAway notes that the product can't look at incidents for a time, and how much later it may try again.
func (n *network) isAway(from, to time.Time) {
	n.away = append(n.away, span{from, to.Add(6 * time.Minute)})
}

func (n *network) set(twice bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.twice = twice
}

func (n *network) limit(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resting = append(n.resting, span{n.now(), n.now().Add(d + time.Minute)})
	n.until = n.now().Add(d)
}

// isQuery reports whether a call only asks GraphQL, though it is posted.
func isQuery(req *http.Request) bool {
	if !strings.HasSuffix(req.URL.Path, "/graphql") || req.Body == nil {
		return false
	}
	body, err := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && bytes.HasPrefix(body, []byte(`{"query":"query(`))
}

// serve lets a call reach GitHub.
func (n *network) serve(req *http.Request) *http.Response {
	rec := httptest.NewRecorder()
	asksOnly := req.Method == http.MethodGet || isQuery(req)
	in := req.Clone(req.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.RequestURI = req.URL.RequestURI()
	n.github.ServeHTTP(rec, in)
	res := rec.Result()
	res.Request = req
	n.noteBudget(res.Header)
	if issue, is := strings.CutSuffix(req.URL.Path, "/timeline"); is && asksOnly {
		n.mu.Lock()
		n.timelines[path.Base(issue)]++
		n.mu.Unlock()
	}
	if !asksOnly && !strings.HasSuffix(req.URL.Path, "/access_tokens") {
		n.mu.Lock()
		n.written = append(n.written, req.Method+" "+req.URL.EscapedPath())
		n.noteStray(req, res.StatusCode)
		// it has another name, under which the client asks again, GitHub went away this moment, or no calls are left
		isOut := res.StatusCode == http.StatusServiceUnavailable || res.StatusCode == http.StatusForbidden &&
			res.Header.Get("X-RateLimit-Remaining") == "0"
		if res.StatusCode != http.StatusTemporaryRedirect && !isOut {
			n.wrote = append(n.wrote, fmt.Sprintf("%s %s %d", req.Method, strings.TrimPrefix(canonical(req.URL.Path), "/api/v3/"), res.StatusCode))
		}
		n.mu.Unlock()
	}
	return res
}

var (
	byID    = regexp.MustCompile(`/repositories/3001\b`) // the incidents' repository is the first of the seed
	renamed = regexp.MustCompile(`\bacme/p1\b`)
)

var commentPath = regexp.MustCompile(`/issues/comments/(\d+)$`)

// noteDeletion notes which comment the product asks to delete. It asks once where GitHub refuses that.
func (n *network) noteDeletion(req *http.Request) {
	m := commentPath.FindStringSubmatch(req.URL.Path)
	if m == nil || req.Method != http.MethodDelete {
		return
	}
	id, _ := strconv.ParseInt(m[1], 10, 64)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unwanted[id] = true
}

// canonical names the incidents' repository as it is called at first.
func canonical(text string) string {
	return renamed.ReplaceAllString(byID.ReplaceAllString(text, "/repos/acme/incidents"), "acme/incidents")
}

func answer(req *http.Request, status int, head map[string]string, message string) *http.Response {
	res := &http.Response{Status: fmt.Sprint(status, " ", http.StatusText(status)), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: req,
		Body: io.NopCloser(strings.NewReader(fmt.Sprintf(`{"message":%q}`, message)))}
	res.Header.Set("Content-Type", "application/json")
	for k, v := range head {
		res.Header.Set(k, v)
	}
	return res
}

// plan is all that the product may write, with the answers that it may get.
var plan = []*regexp.Regexp{
	regexp.MustCompile(`^POST repos/acme/incidents/issues/\d+/(comments|labels|assignees) 20[01]$`),
	regexp.MustCompile(`^DELETE repos/acme/incidents/issues/\d+/(labels/(phase/[^/]*|(severity/|postmortem/)?[a-z-]+)|assignees) (200|404)$`), // 404: it was taken away already
	regexp.MustCompile(`^PATCH repos/acme/incidents/issues/(\d+ 200|comments/\d+ (200|404))$`),                                                // 404: another worker took the reminder away
	regexp.MustCompile(`^DELETE repos/acme/incidents/issues/comments/\d+ (204|404)$`),                                                         // 404: the answer to the one before was lost
	regexp.MustCompile(`^PUT repos/acme/incidents/issues/comments/\d+/pin (20[01]|404)$`),                                                     // 404: somebody deleted the card just now
	regexp.MustCompile(`^POST repos/acme/incidents/issues/comments/\d+/reactions 20[01]$`),
	regexp.MustCompile(`^POST repos/acme/(incidents|platform|payments|customer-globex)/issues 201$`),
	regexp.MustCompile(`^POST repos/acme/(platform|payments|customer-globex)/issues/\d+/comments 201$`),
	regexp.MustCompile(`^(PATCH repos/acme/(platform|payments|customer-globex)/issues/\d+|(POST|DELETE) repos/acme/(platform|payments)/issues/\d+/assignees) 20[01]$`), // a follow-up's owner and date, how far the customer reads that it is
	regexp.MustCompile(`^PATCH repos/acme/incidents/git/refs/heads/postmortem/\d+ 422$`),                                                                               // reads don't show its newest commit yet
	regexp.MustCompile(`^POST repos/acme/incidents/issues/\d+/sub_issues (201|422)$`),                                                                                  // 422: it is one already
	regexp.MustCompile(`^(POST|PATCH|PUT) repos/acme/incidents/(git/(refs|refs/.+|trees|commits)|contents/postmortems/.+|pulls|pulls/\d+|pulls/\d+/requested_reviewers|check-runs|check-runs/\d+) 20[01]$`),
	regexp.MustCompile(`^POST repos/acme/incidents/git/refs 422$`),                                 // it is there, and reads lag
	regexp.MustCompile(`^POST repos/acme/platform/actions/workflows/restart\.yml/dispatches 200$`), // a run, which outcome counts
	// freezes, which outcome judges; 422: it was made before, and the answer was lost
	regexp.MustCompile(`^(POST repos/acme/platform/rulesets (201|422)|PUT repos/acme/platform/rulesets/\d+ (200|404)|DELETE repos/acme/platform/rulesets/\d+ (204|404)|POST repos/acme/platform/statuses/[0-9a-f]+ 201|POST repos/acme/platform/actions/runs/\d+/deployment_protection_rule (204|422))$`),
	regexp.MustCompile(`^POST app/hook/deliveries/\d+/attempts 202$`),
	regexp.MustCompile(`^POST (/api/graphql 200|repos/acme/platform/pulls/\d+/requested_reviewers 201)$`), // a revert, of which outcome counts the pull requests
}
