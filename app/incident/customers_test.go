package incident_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/firebreak-dev/firebreak/app/incident"
)

func named(names ...string) incident.Policy {
	p := incident.DefaultPolicy()
	for _, n := range names {
		p.Customers = append(p.Customers, incident.Customer{Name: n})
	}
	return p
}

func TestV3ReadCustomers(t *testing.T) {
	configured := named("globex", "initech", "Smith and Sons", "Acme, Inc.", "AT&T", "big-corp", "生产")
	for _, c := range []struct {
		list string
		want string // names, with | between; "none"; empty: nobody is named
	}{
		{"globex", "globex"},
		{"Globex.", "globex"},
		{`"GLOBEX"`, "globex"},
		{"“Globex” and ‘initech’", "globex|initech"},
		{"`globex`, **initech**", "globex|initech"},
		{"Globex and Initech", "globex|initech"},
		{"globex & initech", "globex|initech"},
		{"globex/initech", "globex|initech"},
		{"globex und initech", "globex|initech"},
		{"globex et initech", "globex|initech"},
		{"globex y initech", "globex|initech"},
		{"globex; initech;", "globex|initech"},
		{"globex initech globex", "globex|initech"},
		{"- globex\n- initech", "globex|initech"},
		{"1. globex\n2. initech", "globex|initech"},
		{"globex, and initech", "globex|initech"},
		{"Smith and Sons", "Smith and Sons"},
		{"smith AND sons and globex", "Smith and Sons|globex"},
		{"globex, Smith and Sons, initech", "globex|Smith and Sons|initech"},
		{"Acme, Inc. and globex", "Acme, Inc.|globex"},
		{"AT&T", "AT&T"},
		{"Big Corp", "big-corp"},
		{"生产", "生产"},
		{"maybe globex too", "globex"},
		{"customer globex", "globex"},
		{"Globx", "Globx"},
		{"Globx and Initec", "Globx|Initec"},
		{"Umbrella and Partners", "Umbrella and Partners"},
		{"globex and Umbrella", "globex|Umbrella"},
		{"Umbrella Corp, globex", "Umbrella Corp|globex"},
		{"n/a", ""}, {"N/A.", ""}, {"na", ""}, {"unknown", ""}, {"-", ""}, {"?", ""}, {"???", ""}, {"tbd", ""}, {"TBD!", ""}, {"_No response_", ""},
		{"not sure", ""}, {"none yet", ""}, {"Not known yet", ""}, {"", ""}, {" \n ", ""}, {"and", ""}, {"don't know", ""},
		{"none", "none"}, {"None.", "none"}, {"nobody", "none"}, {"no customers", "none"}, {"No customer impacted", "none"}, {"keine", "none"},
		{"none, globex", "globex"},
		{"n/a, globex", "globex"},
	} {
		t.Run(c.list, func(t *testing.T) {
			names, none := configured.ReadCustomers(c.list)
			got := strings.Join(names, "|")
			if none {
				got = "none"
			}
			if got != c.want {
				t.Errorf("%q names %q, want %q", c.list, got, c.want)
			}
		})
	}
}

func TestV3ReadCustomersOfAListThatWasSplit(t *testing.T) {
	p := named("globex", "Acme, Inc.")
	if names, _ := p.ReadCustomers("Acme", "Inc", "globex"); !slices.Equal(names, []string{"Acme, Inc.", "globex"}) {
		t.Errorf("a name with a comma becomes %q", names)
	}
	if names, _ := named("NA").ReadCustomers("na"); !slices.Equal(names, []string{"NA"}) {
		t.Errorf("a customer who is called NA is read as %q", names)
	}
	if names, _ := named().ReadCustomers("Smith and Sons, globex"); !slices.Equal(names, []string{"Smith and Sons", "globex"}) {
		t.Errorf("without a configuration the names are %q", names)
	}
	names, _ := p.ReadCustomers(strings.Repeat("x", 10_000) + ", " + strings.Repeat("a, b, c, ", 1000))
	if len(names) > 50 || len(names[0]) > 80 {
		t.Errorf("%d names, the first of %d bytes: the card must hold them", len(names), len(names[0]))
	}
}

func TestV3NearCustomers(t *testing.T) {
	p := named("globex", "initech", "hooli", "Globex Labs")
	for name, want := range map[string][]string{
		"Globx": {"globex"}, "globex-eu": {"globex"}, "Initech GmbH": {"initech"}, "holi": {"hooli"}, "Umbrella": nil, "ab": nil,
		"globexlab": {"Globex Labs", "globex"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := p.NearCustomers(name); !slices.Equal(got, want) {
				t.Errorf("%q is near %q, want %q", name, got, want)
			}
		})
	}
}

func FuzzReadCustomers(f *testing.F) {
	for _, s := range []string{"Globex and Initech", "Smith and Sons", "a,b;c\nd", "“x” & 'y'", "n/a", "\xff\xfe, globex"} {
		f.Add(s)
	}
	p := named("globex", "initech", "Smith and Sons", "Acme, Inc.")
	f.Fuzz(func(t *testing.T, list string) {
		names, none := p.ReadCustomers(list)
		if none && len(names) > 0 {
			t.Errorf("%q names %q and nobody", list, names)
		}
		for _, n := range names {
			if strings.TrimSpace(n) == "" || strings.ContainsAny(n, "\n\r") {
				t.Errorf("%q names %q", list, n)
			}
		}
	})
}
