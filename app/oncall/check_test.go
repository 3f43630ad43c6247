package oncall_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firebreak-dev/firebreak/app/oncall"
)

func TestO1WhatMayNotBeMeant(t *testing.T) {
	day := oncall.Period{Count: 1, Unit: oncall.Days}
	from := time.Date(2026, 12, 7, 12, 0, 0, 0, time.UTC)
	start := oncall.Clock{Year: 2026, Month: 12, Day: 7, Hour: 9}
	week := [7]bool{1: true, 2: true, 3: true, 4: true, 5: true}
	s := oncall.Schedule{MostNights: 7, Rotations: []oncall.Rotation{
		{Name: "primary", Line: 2, Zone: time.UTC, Layers: []oncall.Layer{{Every: oncall.Period{Count: 2, Unit: oncall.Weeks},
			Start: start, Turns: [][]string{{"@alice"}, {"@bob"}}}}},
		{Name: "office", Line: 9, Zone: time.UTC, Layers: []oncall.Layer{{Every: day, Start: start, Turns: [][]string{{"platform"}, {"@dan"}},
			Hours: []oncall.Window{{Days: week, From: 9 * time.Hour, To: 18 * time.Hour}}}}},
		{Name: "meant", Line: 20, Zone: time.UTC, Layers: []oncall.Layer{{Every: day, Start: start, Turns: [][]string{{}}}}},
	}, Covers: []oncall.Cover{{Rotation: "primary", From: from.AddDate(0, 0, 20), Until: from.AddDate(0, 0, 21), Who: "@erin", For: "@bob"}}}
	var got []string
	for _, w := range s.Warnings(from, oncall.People{
		IsKnown: func(name string) bool { return name != "@dan" },
		Ways: func(rotation, name string) ([]string, bool) {
			switch name {
			case "@erin":
				return nil, true
			case "@alice", "@bob":
				return []string{"Twilio"}, rotation == "primary"
			}
			return []string{"Twilio", "ntfy"}, true
		},
	}) {
		got = append(got, w.Text)
	}
	want := []string{
		"in primary, only Twilio reaches alice, bob: while that is out nobody does",
		"in primary, there is no way to reach erin",
		"alice is on call for 14 nights in a row, up to that of Mon 21 Dec; nights-in-a-row is 7",
		"nobody is on call in office from Mon 7 Dec 18:00 until Tue 8 Dec 09:00",
		"nobody is on call in office from Tue 8 Dec 18:00 until Wed 9 Dec 09:00",
		"nobody is on call in office from Wed 9 Dec 18:00 until Thu 10 Dec 09:00",
		"nobody is on call in office at 17 more times in these four weeks",
		"dan can't respond here: check the name and the access",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := s.Warnings(from, oncall.People{}); len(got) != 5 {
		t.Errorf("where nothing is known of people: %v", got)
	}
	table := s.Table(from)
	for _, want := range []string{"| Mon 7 Dec 12:00 | Mon 21 Dec 09:00 | alice |", "| erin | erin for bob |",
		"| nobody, as the file says |", "| **nobody** |"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %s:\n%s", want, table)
		}
	}
}
