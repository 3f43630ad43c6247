package metrics

import (
	"github.com/firebreak-dev/firebreak/app/services"
	"github.com/firebreak-dev/firebreak/app/sources"
)

// NotStored is the reason of Rejected for what was verified and could not be stored.
const NotStored = "store"

// The metrics.
var (
	QueueAge = &Metric{Name: "firebreak_queue_age_seconds", Kind: Histogram, Unit: "Seconds", Buckets: waits,
		Help: "How long a message had waited, since it was sent or due, when it was handed to the worker."}
	PassTime = &Metric{Name: "firebreak_pass_duration_seconds", Kind: Histogram, Unit: "Seconds",
		Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		Help: "How long one look at an incident took, by its result: done, later (GitHub asks to " +
			"wait), failed (it is tried again).",
		Labels: []Label{{"result", []string{"done", "later", "failed"}}}}
	LooksTooLong = &Metric{Name: "firebreak_looks_too_long_total", Kind: Counter, Unit: "Count",
		Help:   "Looks whose time was over: ended, or given up, as they hang in a computation and do not notice.",
		Labels: []Label{{"how", []string{"ended", "given up"}}}}
	Effects = &Metric{Name: "firebreak_effects_total", Kind: Counter, Unit: "Count",
		Help: "Effects that looks asked for and brought about, by kind.",
		Labels: []Label{{"kind",
			[]string{"page", "reply", "remind", "react", "announce", "status",
				"changes", "owner", "similar", "seek", "revert", "run", "freeze", "cover", "broadcast", "ticket", "nudge",
				"document", "refresh", "check", "publish"}}}}
	WriteWait = &Metric{
		Name:    "firebreak_write_wait_seconds",
		Kind:    Histogram,
		Unit:    "Seconds",
		Buckets: waits,
		Help: "How long it took from what asked for it until GitHub had it, by urgency: a page's " +
			"mention, an answer (a comment or a reaction), the card, a ticket, a reminder on a ticket (nudge).",
		Labels: []Label{{"urgency", []string{"page", "answer", "card", "ticket", "nudge"}}},
	}
	Pages = &Metric{Name: "firebreak_pages_total", Kind: Counter, Unit: "Count",
		Help:   "Pages to people outside GitHub that a service took, by service.",
		Labels: []Label{{"service", services.Kinds(services.Service.IsOutside)}}}
	PageFailures = &Metric{Name: "firebreak_page_failures_total", Kind: Counter, Unit: "Count",
		Help:   "Pages to people outside GitHub that a service did not take, by service.",
		Labels: []Label{{"service", services.Kinds(services.Service.IsOutside)}}}
	PageAnswers = &Metric{Name: "firebreak_page_answers_total", Kind: Counter, Unit: "Count",
		Help:   "Answers by the links of pages, by what was answered.",
		Labels: []Label{{"answer", []string{"coordinate", "seen", "pass"}}}}
	SelfTests = &Metric{Name: "firebreak_self_tests_total", Kind: Counter, Unit: "Count",
		Help: "Tests of what reaches people that went well, by what was tested: path (to the vendors, without a page), " +
			"person (a test page, which was answered).",
		Labels: []Label{{"what", []string{"path", "person"}}}}
	SelfTestFailures = &Metric{Name: "firebreak_self_test_failures_total", Kind: Counter, Unit: "Count",
		Help: "Tests of what reaches people that did not go well, by what was tested, and why: failed (a vendor or the " +
			"settings), silent (nobody answered within a day).",
		Labels: []Label{{"what", []string{"path", "person"}}, {"why", []string{"failed", "silent"}}}}
	SelfTestsOverdue = &Metric{Name: "firebreak_self_tests_overdue_seconds", Kind: Gauge, Unit: "Seconds",
		Help: "For how long a test of what reaches people is missing that should have been made; 0: none is. It is " +
			"measured every hour, and that it is not measured at all is the worst."}
	SelfTestsChecked = &Metric{Name: "firebreak_self_tests_checked_timestamp_seconds", Kind: Gauge, Unit: "Seconds",
		Help: "When that was measured last (Unix)."}
	LinksRefused = &Metric{Name: "firebreak_page_links_refused_total", Kind: Counter, Unit: "Count",
		Help: "Requests by the links of pages that were turned away, by why: token (the product did not make " +
			"it), expired, form (it answers nothing), signature (no vendor sent it).",
		Labels: []Label{{"reason", []string{"token", "expired", "form", "signature"}}}}
	UpdatesOverdue = &Metric{Name: "firebreak_updates_overdue_total", Kind: Counter, Unit: "Count",
		Help: "Times that a customer update became overdue and the group was paged for it, drills apart."}
	Rejected = &Metric{Name: "firebreak_signals_rejected_total", Kind: Counter, Unit: "Count",
		Help: "Requests of sources that were not taken, by source (github: its webhooks) and reason.",
		Labels: []Label{{"source", append(sources.Kinds(sources.Source.IsServed), "github")},
			{"reason", []string{"signature", "token", "timestamp", "topic", "size", "format", "certificate",
				"confirm", "modal", NotStored}}}}
	TurnedAway = &Metric{Name: "firebreak_turned_away_total", Kind: Counter, Unit: "Count",
		Help: "Connections and bodies that found no room, by what was taken up: connections (all), " +
			"address (those of one), budget (of large bodies).",
		Labels: []Label{{"reason", []string{"connections", "address", "budget"}}}}
	GitHubCalls = &Metric{Name: "firebreak_github_calls_total", Kind: Counter, Unit: "Count",
		Help: "Calls of GitHub's API, by the answer: 2xx, 3xx, 4xx, 5xx, limited (by the rate), none " +
			"(it could not be reached).",
		Labels: []Label{{"answer", []string{"2xx", "3xx", "4xx", "5xx", "limited", "none"}}}}
	LooksRefused = &Metric{Name: "firebreak_looks_refused_total", Kind: Counter, Unit: "Count",
		Help: "Looks at incidents that GitHub refused, by its status; not installed: the App was " +
			"removed, suspended or not given the repository.",
		Labels: []Label{{"status", []string{"403", "404", "410", "not installed", "other"}}}}
	Removed = &Metric{Name: "firebreak_incidents_removed_total", Kind: Counter, Unit: "Count",
		Help: "Running incidents whose issue somebody deleted, converted to a discussion, or " +
			"transferred out of the App's reach.",
		Labels: []Label{{"how", []string{"deleted", "converted", "transferred"}}}}
	RateLeft = &Metric{Name: "firebreak_github_calls_left", Kind: Gauge, Unit: "Count",
		Help: "Calls left of GitHub's rate limit: the least of all installations, by GitHub's name of " +
			"the limit.",
		Labels: []Label{{"limit", []string{"core", "search"}}}}
	Sweeps = &Metric{Name: "firebreak_sweeps_total", Kind: Counter, Unit: "Count",
		Help:   "Sweeps for what was lost on the way, by result.",
		Labels: []Label{{"result", []string{"done", "failed"}}}}
	GoodSweeps = &Metric{Name: "firebreak_sweeps_good_total", Kind: Counter, Unit: "Count",
		Help: "Sweeps that went well. CloudWatch sums what has labels, so an alarm there needs its own count."}
	Unstored = &Metric{Name: "firebreak_unstored_total", Kind: Counter, Unit: "Count",
		Help: "Verified webhooks and reports that were answered with an error because they could not be stored."}
	SweepFailures = &Metric{Name: "firebreak_sweep_failures_total", Kind: Counter, Unit: "Count",
		Help: "Installations that a sweep could not look through, by why: suspended, refused (by " +
			"GitHub), limited (GitHub asks to come later), unavailable (GitHub is out), failed.",
		Labels: []Label{{"kind", []string{"suspended", "refused", "limited", "unavailable", "failed"}}}}
	InstallationEvents = &Metric{Name: "firebreak_installation_events_total", Kind: Counter, Unit: "Count",
		Help: "What happened to the App's installations and to repositories: after installation.deleted, " +
			"installation.suspend, installation_repositories.removed and repository.deleted the App has " +
			"lost access.",
		Labels: []Label{{"event",
			[]string{"installation.created", "installation.deleted", "installation.suspend",
				"installation.unsuspend", "installation.new_permissions_accepted",
				"installation_repositories.added", "installation_repositories.removed",
				"installation_target.renamed", "repository.renamed", "repository.transferred",
				"repository.archived",
				"repository.unarchived", "repository.deleted", "repository.privatized",
				"repository.publicized"}}}}

	// What is in the queue of a process. On AWS, SQS itself measures it.
	QueueMessages = &Metric{Name: "firebreak_queue_messages", Kind: Gauge, Unit: "Count",
		Help: "Messages in the queue, those that wait for their time included. Not on AWS."}
	QueueOldest = &Metric{Name: "firebreak_queue_oldest_seconds", Kind: Gauge, Unit: "Seconds",
		Help: "How long the oldest message that is due has been waiting. Not on AWS."}
	DeadLetters = &Metric{Name: "firebreak_dead_letters", Kind: Gauge, Unit: "Count",
		Help: "Messages that were put aside, because they failed again and again. Not on AWS."}
)

// All lists the metrics.
var All = []*Metric{QueueAge, PassTime, LooksTooLong, Effects, WriteWait, Pages, PageFailures,
	PageAnswers, LinksRefused, GoodSweeps, Unstored, SelfTests, SelfTestFailures, SelfTestsOverdue, SelfTestsChecked,
	UpdatesOverdue, Rejected, TurnedAway, GitHubCalls, LooksRefused, Removed, RateLeft, Sweeps,
	SweepFailures, InstallationEvents, QueueMessages, QueueOldest, DeadLetters}

// waits are buckets for how long something waited.
var waits = []float64{.1, .5, 1, 2.5, 5, 15, 60, 300, 900, 3600}
