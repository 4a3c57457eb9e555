package suite

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"testing"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/inprocess"
	"lastack/stack/tunable"
)

// promoting is a lastack that serves connections light, and hands them to netstack once a
// script has come to its step number at.
type promoting struct {
	*inprocess.Subject
	at, steps, promoted int
}

func (p *promoting) step() error {
	p.steps++
	if p.steps-1 != p.at {
		return nil
	}
	n, err := p.Promote()
	p.promoted += n
	return err
}

// Inject implements packetdrill.Subject.
func (p *promoting) Inject(b []byte) error {
	if err := p.step(); err != nil {
		return err
	}
	return p.Subject.Inject(b)
}

// Start implements packetdrill.Subject.
func (p *promoting) Start(c *packetdrill.Call) error {
	if err := p.step(); err != nil {
		return err
	}
	return p.Subject.Start(c)
}

// stampValue differs from host to host.
var stampValue = regexp.MustCompile(`TS val \d+`)

// lightly runs a script, and returns what came of it in a line.
func lightly(t *testing.T, file string, light int64, at int) (string, *promoting) {
	t.Helper()
	p := &promoting{at: at}
	all, err := Run(t.Context(), []string{file}, Config{Subject: func(_ context.Context, a packetdrill.Addresses) (packetdrill.Subject, error) {
		set := tunable.NewSet()
		if err := set.SetInt(tunable.Light, light); err != nil {
			return nil, err
		}
		s, err := inprocess.New(inprocess.Config{Addresses: a, Virtual: true, Tunables: set})
		p.Subject = s
		return p, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := all[0]
	return stampValue.ReplaceAllString(fmt.Sprintf("%s line %d: %s; expected %s, got %s", r.Verdict, r.Line, r.Why, r.Expected, r.Got), "TS"), p
}

// TestPromotion: each script ends the same whether netstack has its connection from the
// start, gets it at any step of the script, or never hears of it.
func TestPromotion(t *testing.T) {
	files, err := filepath.Glob("*/*.pkt")
	if err != nil || len(files) < 120 {
		t.Fatal(files, err)
	}
	promoted := 0
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			want, _ := lightly(t, file, 0, -1)
			got, p := lightly(t, file, 1, -1)
			if got != want {
				t.Errorf("light: %s\nwant: %s", got, want)
			}
			for at := range p.steps {
				if at%everyStep != len(file)%everyStep {
					continue
				}
				got, p := lightly(t, file, 1, at)
				promoted += p.promoted
				if got != want {
					t.Errorf("promoted before step %d: %s\nwant: %s", at, got, want)
				}
			}
		})
	}
	if least := 1000 / everyStep; promoted < least {
		t.Errorf("%d connections were promoted, want %d at least", promoted, least)
	}
}
