package churn

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestCompleteDefaults(t *testing.T) {
	var c Config
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	if len(c.Modes) != 6 || len(c.Subjects) != 2 || c.Ports != (Range{20000, 20099}) ||
		c.Connections != 300 || c.Workers != 4 || c.MSL != 30*time.Second {
		t.Errorf("the zero Config is completed to %+v", c)
	}
	c = Config{Duration: time.Second, Ports: Ports(20), Workers: 50}
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	if c.Connections != math.MaxInt || c.Workers != 2 {
		t.Errorf("with a duration %d connections, with 20 ports %d workers", c.Connections, c.Workers)
	}
}

func TestCompleteRefuses(t *testing.T) {
	pool := func(n int) Mode { return Mode{name: "pool", pool: n} }
	for want, c := range map[string]Config{
		"cannot be negative":       {Rate: -1},
		"no subject \"linux\"":     {Subjects: []string{"linux"}},
		"5 ports are too few":      {Ports: Ports(5)},
		"0 ports are too few":      {Ports: Range{2000, 1000}},
		"not within 1024 to 65535": {Ports: Ports(70000)},
		"pool=101 needs 101 ports": {Modes: []Mode{pool(101)}},
		"pool=7 is given twice":    {Modes: []Mode{pool(7), pool(7)}},
		"leave out the mode wider": {Ports: Range{10000, 65000}},
	} {
		err := c.Complete()
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}

func TestRanges(t *testing.T) {
	for text, want := range map[string]Range{
		"32768:60999": {32768, 60999}, "1024:1033": {1024, 1033},
		"20000": {}, "a:b": {}, "80:8080": {}, "5000:4000": {}, "": {},
	} {
		got, err := ParseRange(text)
		if want == (Range{}) {
			if !errors.Is(err, ErrConfig) {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if got != want || err != nil {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for n, want := range map[int]Range{100: {20000, 20099}, 60000: {5536, 65535}} {
		if got := Ports(n); got != want {
			t.Errorf("%d ports are %v, want %v", n, got, want)
		}
	}
}

// TestTwice: a range grows upwards, and downwards where there is no more room.
func TestTwice(t *testing.T) {
	for r, want := range map[Range]Range{
		{20000, 20099}: {20000, 20199},
		{32768, 60999}: {9072, 65535},
	} {
		got, err := r.twice()
		if got != want || err != nil || got.Len() != 2*r.Len() {
			t.Errorf("twice %v is %v, %v; want %v", r, got, err, want)
		}
	}
}

// TestParseMode: every mode reads back as it prints.
func TestParseMode(t *testing.T) {
	for _, m := range append(Modes(), Mode{name: "pool", pool: 3}) {
		if got, err := ParseMode(m.String()); got != m || err != nil {
			t.Errorf("%s reads back as %+v, %v", m, got, err)
		}
	}
	for _, text := range []string{"", "poool", "pool=0", "pool=", "pool=x", "keep-alive=2"} {
		if _, err := ParseMode(text); !errors.Is(err, ErrConfig) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
