package explained

import (
	"fmt"
	"strings"
	"time"

	"lastack/harness/explain"
	"lastack/harness/teardown"
)

// chart is a picture of the Timeline: a bar for each slot, stacked by kind, the worst at
// the bottom, where heights can be compared.
type chart struct {
	Slots  int
	Bars   []bar
	Kinds  []kindCount // the legend: those that occur
	Top    int         // the largest number in a slot
	Unit   string      // "second", "15 seconds"
	Times  []string    // at the left, in the middle, at the right
	Zone   string
	Spoken string // for who does not see it
}

// bar is a part of a slot, in slots from the left and thousandths of the height.
type bar struct {
	Kind                teardown.Kind
	X, Y, Width, Height float64
	Tip                 string
}

type kindCount struct {
	Kind teardown.Kind
	N    int
}

const chartHigh = 1000

// Chart is nil where nothing ended.
func (p *Page) Chart() *chart {
	t := p.Summary.Timeline
	if t == nil {
		return nil
	}
	c := &chart{Slots: len(t.Slots), Unit: unit(t.WidthUS)}
	totals := map[teardown.Kind]int{}
	for _, s := range t.Slots {
		sum := 0
		for k, n := range s {
			sum += n
			totals[k] += n
		}
		c.Top = max(c.Top, sum)
	}
	var spoken []string
	for _, k := range explain.Kinds() {
		if n := totals[k]; n > 0 {
			c.Kinds = append(c.Kinds, kindCount{k, n})
			spoken = append(spoken, fmt.Sprintf("%s %s", k, explain.Number(n)))
		}
	}
	for i, s := range t.Slots {
		c.stack(i, s, start(t, i))
	}
	c.label(t)
	c.Spoken = fmt.Sprintf("Closes over time, per %s, at most %s: %s", c.Unit, explain.Number(c.Top), strings.Join(spoken, ", "))
	return c
}

func start(t *explain.Timeline, slot int) time.Time {
	return t.Begin.Add(time.Duration(slot) * time.Duration(t.WidthUS) * time.Microsecond)
}

// stack adds the bars of a slot.
func (c *chart) stack(i int, s explain.Slot, at time.Time) {
	width := 1.0
	if c.Slots <= 120 {
		width = 0.85 // so that they can be counted
	}
	y := float64(chartHigh)
	for _, k := range c.Kinds {
		n := s[k.Kind]
		if n == 0 {
			continue
		}
		h := chartHigh * float64(n) / float64(c.Top)
		y -= h
		c.Bars = append(c.Bars, bar{
			Kind: k.Kind, X: float64(i), Y: y, Width: width, Height: h,
			Tip: fmt.Sprintf("%s %s at %s", explain.Number(n), k.Kind, at.Format("2006-01-02 15:04:05.999 UTC")),
		})
	}
}

// label names the times of the left edge, the middle and the right edge.
func (c *chart) label(t *explain.Timeline) {
	edges := []time.Time{t.Begin, start(t, c.Slots/2), start(t, c.Slots)}
	layout := "15:04:05"
	span := edges[2].Sub(edges[0])
	switch {
	case span < 10*time.Second:
		layout = "15:04:05.000"
	case span >= 48*time.Hour:
		layout = "2006-01-02"
	case edges[0].YearDay() != edges[2].YearDay():
		layout = "01-02 15:04"
	}
	if c.Slots < 4 {
		edges = []time.Time{edges[0], edges[2]}
	}
	for _, e := range edges {
		c.Times = append(c.Times, e.Format(layout))
	}
	c.Zone = t.Begin.Format("2006-01-02") + ", UTC"
}

// unit is the width of a slot in words.
func unit(us int64) string {
	d := time.Duration(us) * time.Microsecond
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}, {time.Millisecond, "millisecond"}} {
		switch n := d / u.of; {
		case n == 1:
			return u.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, u.name)
		}
	}
	return d.String()
}
