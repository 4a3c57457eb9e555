package tunable

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for i, d := range All() {
		if int(d.ID) != i {
			t.Errorf("%s stands at %d of the table with ID %d", d.Name, i, d.ID)
		}
		if d.Name == "" || seen[d.Name] || len(d.Doc) < 80 {
			t.Errorf("%q: nameless, twice, or without a paragraph of doc", d.Name)
		}
		seen[d.Name] = true
		if v, err := d.Parse(d.Format(d.Default)); err != nil || v != d.Default {
			t.Errorf("%s: its default %s reads as %d, %v", d.Name, d.Format(d.Default), v, err)
		}
		if !strings.HasPrefix(d.Name, "lastack.") && !strings.HasPrefix(d.Name, "net.") {
			t.Errorf("%s: neither ours nor Linux's", d.Name)
		}
	}
}

func TestSet(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"lastack.delayed_ack", "0", ""},
		{"lastack.delayed_ack", "2", "out of range; give 0 or 1"},
		{"lastack.delayed_ack", "-1", "out of range; give 0 or 1"},
		{"lastack.delayed_ack_ms", "500", "out of range; give 1 to 499 ms"},
		{"lastack.delayed_ack_ms", "fast", `"fast" is not a whole number; give 1 to 499 ms`},
		{"lastack.delayed_ack_ms", "99999999999999999999", "not a whole number"},
		{"lastack.delayed_ak", "1", "unknown tunable; there are lastack.delayed_ack, "},
	} {
		s := NewSet()
		err := s.Set(tt.name, tt.value)
		if tt.want == "" {
			if err != nil || s.Bool(DelayedACK) {
				t.Errorf("Set(%s, %s): %v", tt.name, tt.value, err)
			}
			continue
		}
		var te *Error
		if !errors.As(err, &te) || te.Name != tt.name || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Set(%s, %s): %v, want %q", tt.name, tt.value, err, tt.want)
		}
		for _, d := range All() {
			if s.Int(d.ID) != d.Default {
				t.Errorf("a refused Set changed %s", d.Name)
			}
		}
	}
}

// TestOnChangeStops: a set that outlives its watchers keeps none of them.
func TestOnChangeStops(t *testing.T) {
	s := NewSet()
	told := 0
	first := s.OnChange(MSLms, func(int64) { told++ })
	second := s.OnChange(MSLms, func(int64) { told += 10 })
	_ = s.SetInt(MSLms, 1)
	first()
	first() // twice is harmless
	_ = s.SetInt(MSLms, 2)
	second()
	_ = s.SetInt(MSLms, 3)
	if told != 21 {
		t.Errorf("told %d, want 21", told)
	}
	if n := len(s.watchs[MSLms]); n != 0 {
		t.Errorf("%d watchers left", n)
	}
}

func TestOnChange(t *testing.T) {
	s := NewSet()
	var got []int64
	s.OnChange(DelayedACKms, func(v int64) { got = append(got, v) })
	for _, v := range []int64{40, 80, 80, 10, 1000} {
		_ = s.SetInt(DelayedACKms, v) // 1000 is refused, 40 and the second 80 change nothing
	}
	if len(got) != 2 || got[0] != 80 || got[1] != 10 {
		t.Errorf("told of %v, want [80 10]", got)
	}
	if s.Millis(DelayedACKms) != 10*time.Millisecond {
		t.Errorf("Millis = %v", s.Millis(DelayedACKms))
	}
}
