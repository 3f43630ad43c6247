package stats

import (
	"fmt"
	"strings"
	"time"
)

// A plot's measures. It is as wide as a phone, so that its letters have the same size on one as
// next to two others.
const (
	plotWidth  = 360.0
	plotHeight = 190.0
	leftEdge   = 46.0
	rightEdge  = plotWidth - 8
	topEdge    = 12.0
	bottomEdge = plotHeight - 24
)

// plot is a drawing, as shapes that the page's template writes.
type plot struct {
	Title  string
	Note   string // what is drawn, in a line
	Label  string // what it says, for those who don't see it
	W, H   float64
	Across []tick // horizontal lines with their text
	Below  []tick // texts below
	Bars   []bar
	Lines  []string // points
	Dots   []dot
	Legend []key
}

type tick struct {
	At   float64
	Text string
}

// bar is a rectangle; Class names its colour, and Says what is over it where a mouse does.
type bar struct {
	X, Y, W, H  float64
	Class, Says string
}

type dot struct {
	X, Y float64
	Says string
}

type key struct{ Class, Text string }

// axis maps values to heights, from 0 at the bottom.
type axis struct{ top float64 }

func (a axis) y(v float64) float64 {
	return bottomEdge - (bottomEdge-topEdge)*min(v/a.top, 1)
}

// newPlot makes a plot over months with lines across it, step apart and enough for the largest value.
func newPlot(title, note string, months []Group, largest, step float64, text func(float64) string) (*plot,
	axis) {
	p := &plot{Title: title, Note: note, W: plotWidth, H: plotHeight}
	a := axis{step}
	for a.top < largest {
		a.top += step
	}
	for v := 0.0; v <= a.top; v += step {
		p.Across = append(p.Across, tick{a.y(v), text(v)})
	}
	const most = 6 // names of months that fit
	every := (len(months) + most - 1) / most
	for i, m := range months {
		if i%every == 0 {
			const half = 22 // of a name's width
			p.Below = append(p.Below, tick{min(middle(i, len(months)), rightEdge-half), m.Name})
		}
	}
	return p, a
}

// middle returns where the i-th of n months is; width how wide its bar may be.
func middle(i, n int) float64 { return leftEdge + (rightEdge-leftEdge)*(float64(i)+0.5)/float64(n) }

func width(n int) float64 { return min(26, 0.68*(rightEdge-leftEdge)/float64(n)) }

// stack draws one bar per month, from parts on top of each other.
func (p *plot) stack(a axis, i, n int, parts []float64, classes, says []string) {
	base := 0.0
	for k, part := range parts {
		if part > 0 {
			low, high := a.y(base), a.y(base+part)
			p.Bars = append(p.Bars, bar{middle(i, n) - width(n)/2, high, width(n), low - high, classes[k],
				says[k]})
			base += part
		}
	}
}

// line joins the points of months that follow each other; ok is false where a month has none.
func (p *plot) line(n int, y func(i int) (at float64, says string, ok bool)) {
	var points []string
	end := func() {
		if len(points) > 1 {
			p.Lines = append(p.Lines, strings.Join(points, " "))
		}
		points = nil
	}
	for i := range n {
		at, says, ok := y(i)
		if !ok {
			end()
			continue
		}
		points = append(points, fmt.Sprintf("%.1f,%.1f", middle(i, n), at))
		p.Dots = append(p.Dots, dot{middle(i, n), at, says})
	}
	end()
}

// countStep returns a round number that divides up to a largest in at most four.
func countStep(largest float64) float64 {
	for step := 1.0; ; step *= 10 {
		for _, f := range []float64{1, 2, 5} {
			if largest <= 4*step*f {
				return step * f
			}
		}
	}
}

const day = 24 * time.Hour

// timeStep returns a round time that divides up to a largest in at most four.
func timeStep(largest time.Duration) time.Duration {
	steps := []time.Duration{
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 5 * day,
		10 * day, 30 * day, 90 * day,
	}
	for _, s := range steps {
		if largest <= 4*s {
			return s
		}
	}
	return (largest/4/(365*day) + 1) * 365 * day
}

// clock returns the times of an axis whose lines are step apart.
func clock(step time.Duration) func(float64) string {
	return func(v float64) string {
		d := time.Duration(v)
		switch {
		case d == 0:
			return "0"
		case step >= day:
			return fmt.Sprintf("%d d", d/day)
		case d%time.Hour == 0:
			return fmt.Sprintf("%d h", d/time.Hour)
		case d < time.Hour:
			return fmt.Sprintf("%d min", d/time.Minute)
		}
		return fmt.Sprintf("%d:%02d h", d/time.Hour, d%time.Hour/time.Minute)
	}
}
