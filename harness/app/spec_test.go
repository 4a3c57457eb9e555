package app

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseSpec(t *testing.T) {
	tests := []struct {
		text string
		want Spec
	}{
		{"7=echo", Spec{Port: 7, Kind: "echo"}},
		{"65535=http", Spec{Port: 65535, Kind: "http"}},
		{"8002=slow-closer,delay=300", Spec{8002, "slow-closer", map[string]string{"delay": "300"}}},
		{"8002=slow-closer,delay=1.5s", Spec{8002, "slow-closer", map[string]string{"delay": "1.5s"}}},
		{"8003=half-closer,bytes=0,delay=42ms", Spec{8003, "half-closer", map[string]string{"bytes": "0", "delay": "42ms"}}},
	}
	for _, tt := range tests {
		got, err := ParseSpec(tt.text)
		if err != nil {
			t.Errorf("ParseSpec(%q): %v", tt.text, err)
			continue
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParseSpec(%q) = %#v, want %#v", tt.text, got, tt.want)
		}
		if got.String() != tt.text {
			t.Errorf("ParseSpec(%q).String() = %q", tt.text, got)
		}
	}
}

func TestParseSpecErrors(t *testing.T) {
	kinds := "(kinds: echo, discard, http, server-closes, slow-closer, half-closer, leaker, aborter, unread)"
	tests := []struct {
		text, field string
		want        []string
	}{
		{"", "port", []string{"is missing", "PORT=KIND"}},
		{"echo", "port", []string{"is missing", "PORT=KIND"}},
		{"=echo", "port", []string{`""`, "1 to 65535"}},
		{"0=echo", "port", []string{`"0"`, "1 to 65535"}},
		{"65536=echo", "port", []string{`"65536"`}},
		{"-1=echo", "port", []string{`"-1"`}},
		{" 7=echo", "port", []string{`" 7"`}},
		{"http=http", "port", []string{`"http" is not a number`}},
		{"7=", "kind", []string{`""`, kinds}},
		{"7=ehco", "kind", []string{`did you mean "echo"?`, kinds}},
		{"7=Echo", "kind", []string{`did you mean "echo"?`}},
		{"7=halfcloser", "kind", []string{`did you mean "half-closer"?`}},
		{"7=slow", "kind", []string{`did you mean "slow-closer"?`}},
		{"7=slow-closr,dely=3", "kind", []string{`did you mean "slow-closer"?`}},
		{"7=echo,", "option", []string{`"" has no value`}},
		{"7=echo,delay", "option", []string{`"delay" has no value`}},
		{"7=echo,delay=3", "option", []string{"there are no options of echo"}},
		{"7=slow-closer,dely=3", "option", []string{`"dely"`, `did you mean "delay"?`, "(options of slow-closer: delay)"}},
		{"7=half-closer,x=3", "option", []string{`"x"`, "(options of half-closer: bytes, delay)"}},
		{"7=slow-closer,delay=3,delay=4", "option", []string{`"delay" is given twice`}},
		{"7=slow-closer,delay=", "option", []string{`delay: "" is not a delay`, "300ms or 1.5s"}},
		{"7=slow-closer,delay=1.5", "option", []string{`delay: "1.5"`}},
		{"7=slow-closer,delay=-1", "option", []string{`delay: "-1"`}},
		{"7=slow-closer,delay=-1s", "option", []string{`delay: "-1s"`}},
		{"7=slow-closer,delay=3600001", "option", []string{"from 0 to 1h0m0s"}},
		{"7=slow-closer,delay=9223372036854775807", "option", []string{"from 0 to 1h0m0s"}},
		{"7=unread,delay=61m", "option", []string{"from 0 to 1h0m0s"}},
		{"7=half-closer,bytes=-1", "option", []string{`bytes: "-1"`, "from 0 to 1073741824"}},
		{"7=half-closer,bytes=1073741825", "option", []string{"from 0 to 1073741824"}},
		{"7=half-closer,bytes=4k", "option", []string{`bytes: "4k"`, "digits only"}},
	}
	for _, tt := range tests {
		_, err := ParseSpec(tt.text)
		checkSpecError(t, tt.text, err, tt.field, tt.want)
	}
}

func checkSpecError(t *testing.T, text string, err error, field string, want []string) {
	t.Helper()
	var bad *SpecError
	if !errors.As(err, &bad) {
		t.Errorf("%q: error is %v, want a *SpecError", text, err)
		return
	}
	if bad.Field != field || bad.Spec != text {
		t.Errorf("%q: error is about field %q of %q, want field %q", text, bad.Field, bad.Spec, field)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q: error %q does not say %q", text, err, w)
		}
	}
}

func TestParseSpecErrorOfAHugeSpecIsShort(t *testing.T) {
	_, err := ParseSpec("7=" + strings.Repeat("x", 1<<20))
	if err == nil || len(err.Error()) > 500 {
		t.Fatalf("error has %d bytes", len(err.Error()))
	}
}

func TestNewChecksASpecMadeByHand(t *testing.T) {
	_, err := New(Spec{Port: 7, Kind: "ecko"}, Config{})
	checkSpecError(t, "7=ecko", err, "kind", []string{`"echo"`})
	_, err = New(Spec{Port: 8006, Kind: "unread", Options: map[string]string{"delay": "soon"}}, Config{})
	checkSpecError(t, "8006=unread,delay=soon", err, "option", []string{`delay: "soon"`})
	a, err := New(Spec{Kind: "echo"}, Config{})
	if err != nil {
		t.Fatalf("New with port 0: %v", err)
	}
	if a.Spec().Kind != "echo" || a.Stats() != (Stats{}) {
		t.Errorf("a new app is %v with counts %+v", a.Spec(), a.Stats())
	}
}

func TestDefaultsAreOneOfEachKind(t *testing.T) {
	var kinds []string
	ports := make(map[uint16]bool)
	for _, spec := range Defaults() {
		parsed, err := ParseSpec(spec.String())
		if err != nil {
			t.Errorf("default %v: %v", spec, err)
		} else if !reflect.DeepEqual(parsed, spec) {
			t.Errorf("default %#v is parsed as %#v", spec, parsed)
		}
		if ports[spec.Port] {
			t.Errorf("two defaults on port %d", spec.Port)
		}
		ports[spec.Port] = true
		kinds = append(kinds, spec.Kind)
	}
	var all []string
	for _, k := range Kinds() {
		all = append(all, k.Name)
	}
	if !slices.Equal(kinds, all) {
		t.Errorf("defaults are %v, kinds are %v", kinds, all)
	}
}

func TestKindsDescribeThemselves(t *testing.T) {
	for _, k := range Kinds() {
		if k.Doc == "" || strings.ContainsAny(k.Doc, "\n") {
			t.Errorf("kind %s has the doc %q, want one line", k.Name, k.Doc)
		}
		for _, o := range k.Options {
			if o.Doc == "" || strings.ContainsAny(o.Doc, "\n") {
				t.Errorf("option %s of %s has the doc %q, want one line", o.Name, k.Name, o.Doc)
			}
			spec := Spec{1, k.Name, map[string]string{o.Name: o.Default}}
			if _, err := ParseSpec(spec.String()); err != nil {
				t.Errorf("the default of option %s of %s is not valid: %v", o.Name, k.Name, err)
			}
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, spec := range Defaults() {
		f.Add(spec.String())
	}
	for _, text := range []string{"", "7", "7=", "7=echo,", "8003=half-closer,bytes=10,delay=1.5s", "8002=slow-closer,delay=-1", "007=http", "7=half-closer,bytes=1,bytes=1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := ParseSpec(text)
		if err != nil {
			var bad *SpecError
			if !errors.As(err, &bad) || bad.Field == "" || bad.Err == nil || bad.Spec != text {
				t.Fatalf("ParseSpec(%q): %#v", text, err)
			}
			if !reflect.DeepEqual(spec, Spec{}) {
				t.Fatalf("ParseSpec(%q) failed and returned %#v", text, spec)
			}
			return
		}
		again, err := ParseSpec(spec.String())
		if err != nil || !reflect.DeepEqual(again, spec) {
			t.Fatalf("ParseSpec(%q) = %#v, which is written %q and parsed as %#v, %v", text, spec, spec, again, err)
		}
		if _, err := New(spec, Config{}); err != nil {
			t.Fatalf("ParseSpec(%q) succeeded, New failed: %v", text, err)
		}
	})
}

// TestSame: the port does not matter, nor how an option is written.
func TestSame(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"1=echo", "2=echo", true},
		{"1=echo", "1=discard", false},
		{"1=slow-closer", "1=slow-closer,delay=300", true},
		{"1=slow-closer,delay=60", "2=slow-closer,delay=60ms", true},
		{"1=slow-closer,delay=60", "1=slow-closer,delay=61", false},
		{"1=half-closer,bytes=1000", "1=half-closer,bytes=1000,delay=0", true},
	} {
		a, errA := ParseSpec(tt.a)
		b, errB := ParseSpec(tt.b)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got := Same(a, b); got != tt.want {
			t.Errorf("%s and %s: %v", tt.a, tt.b, got)
		}
	}
	if bad := (Spec{Kind: "ehco"}); Same(bad, bad) {
		t.Error("a kind that does not exist is the same as itself")
	}
}
