package tunable

import (
	"strings"
	"testing"
	"time"
)

func TestPorts(t *testing.T) {
	for text, want := range map[string]string{
		"32768 60999":         "32768 60999",
		"  7000 \t 8000 \n":   "7000 8000",
		"7001\t8001":          "7001 8001",
		"5000 5000":           "5000 5000",
		"1024 65535":          "1024 65535",
		"1023 65535":          "1023 65535 is out of range", // refused, as everything below
		"1024 65536":          `"1024 65536" is not two ports`,
		"0 100":               `out of range; give two ports, FIRST LAST, from 1024 to 65535`,
		"60999 32768":         `the first port of "60999 32768" is above the last`,
		"5000-6000":           "is not two ports apart by a blank",
		"5000,6000":           "is not two ports",
		"5000":                "is not two ports",
		"5000 6000 7000":      "is not two ports",
		"-5000 6000":          "is not two ports",
		"+5000 6000":          "is not two ports",
		"0x2000 0x3000":       "is not two ports",
		"":                    "is not two ports",
		"2147544647":          "is not two ports", // the default, packed
		"32768 60999 # ports": "is not two ports",
	} {
		s := NewSet()
		err := s.Set("net.ipv4.ip_local_port_range", text)
		if err == nil {
			if got := s.Text(PortRange); got != want {
				t.Errorf("%q became %q, want %q", text, got, want)
			}
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\nwant %q", text, err, want)
		}
		if lo, hi := s.Ports(PortRange); lo != 32768 || hi != 60999 {
			t.Errorf("%q: refused, but the range is %d to %d", text, lo, hi)
		}
	}
}

func TestSetIntOfPorts(t *testing.T) {
	s := NewSet()
	if err := s.SetInt(PortRange, pack(2000, 2099)); err != nil {
		t.Error(err)
	}
	if lo, hi := s.Ports(PortRange); lo != 2000 || hi != 2099 {
		t.Errorf("the range is %d to %d, want 2000 to 2099", lo, hi)
	}
	for _, v := range []int64{0, -1, 1 << 40, 60999, pack(2000, 1999)} {
		if s.SetInt(PortRange, v) == nil {
			t.Errorf("%d was taken for a pair of ports", v)
		}
	}
}

// TestBounds: the first and last value of each range are taken as text, their
// neighbours outside are not.
func TestBounds(t *testing.T) {
	s := NewSet()
	for _, d := range All() {
		if d.Kind != Number {
			continue // TestPorts, TestKeys
		}
		for v, ok := range map[int64]bool{d.Min - 1: false, d.Min: true, d.Max: true, d.Max + 1: false} {
			text := d.Format(v)
			if err := s.Set(d.Name, text); (err == nil) != ok {
				t.Errorf("%s = %s: %v", d.Name, text, err)
			} else if ok && s.Text(d.ID) != text {
				t.Errorf("%s = %s reads back as %s", d.Name, text, s.Text(d.ID))
			}
		}
	}
}

func TestUnits(t *testing.T) {
	s := NewSet()
	if got := s.Seconds(FinTimeout); got != time.Minute {
		t.Errorf("tcp_fin_timeout is %v, want 1m", got)
	}
	if got := s.Millis(TWReuseDelay); got != time.Second {
		t.Errorf("tcp_tw_reuse_delay is %v, want 1s", got)
	}
}
