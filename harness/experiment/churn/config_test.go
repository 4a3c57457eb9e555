package churn

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"lastack/harness/experiment"
)

type load = experiment.LoadSpec

func TestCompleteDefaults(t *testing.T) {
	var c Config
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	if len(c.Modes) != 6 || len(c.Subjects) != 2 || c.Ports != (experiment.Ports{Low: 20000, High: 20099}) ||
		c.Connections != 300 || c.Workers != 4 || c.MSL != 30*time.Second {
		t.Errorf("the zero Config is completed to %+v", c)
	}
	c = Config{LoadSpec: load{Duration: experiment.Duration(time.Second), Ports: experiment.PortCount(20), Workers: 50}}
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	if c.Connections != math.MaxInt || c.Workers != 2 {
		t.Errorf("with a duration %d connections, with 20 ports %d workers", c.Connections, c.Workers)
	}
}

func TestCompleteRefuses(t *testing.T) {
	pool := func(n int) Mode {
		m := Modes()[3]
		m.pool = n
		return m
	}
	for want, c := range map[string]Config{
		"out of range; give 0.001": {LoadSpec: load{Rate: math.NaN()}},
		"cannot be negative":       {LoadSpec: load{Rate: -1}},
		"no subject \"linux\"":     {Subjects: []string{"linux"}},
		"5 ports are too few":      {LoadSpec: load{Ports: experiment.PortCount(5)}},
		"0 ports are too few":      {LoadSpec: load{Ports: experiment.Ports{Low: 2000, High: 1000}}},
		"not within 1024 to 65535": {LoadSpec: load{Ports: experiment.PortCount(70000)}},
		"pool=101 needs 101 ports": {Modes: []Mode{pool(101)}},
		"pool=7 is given twice":    {Modes: []Mode{pool(7), pool(7)}},
		"leave out the mode wider": {LoadSpec: load{Ports: experiment.Ports{Low: 10000, High: 65000}}},
	} {
		err := c.Complete()
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}

// TestParseMode: every mode reads back as it prints.
func TestParseMode(t *testing.T) {
	for _, m := range append(Modes(), Mode{Modes()[3].file, 3}) {
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
