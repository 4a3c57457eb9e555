package bench

import (
	"io"
	"maps"
	"strings"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, tt := range []struct {
		values            []float64
		median, low, high float64
	}{
		{nil, 0, 0, 0},
		{[]float64{7}, 7, 7, 7},
		{[]float64{9, 1, 5}, 5, 1, 9},
		{[]float64{4, 1, 3, 2}, 2.5, 1, 4},
	} {
		s := spreadOf(tt.values)
		if s.Median != tt.median || s.Low != tt.low || s.High != tt.high || s.Values == nil {
			t.Errorf("%v: %+v", tt.values, s)
		}
	}
}

func TestPercentiles(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(100 - i)
	}
	for name, tt := range map[string]struct {
		times    []time.Duration
		p50, p99 time.Duration
	}{
		"none":              {nil, 0, 0},
		"one":               {[]time.Duration{3}, 3, 3},
		"two":               {[]time.Duration{4, 3}, 3, 4},
		"a hundred":         {hundred, 50, 99},
		"failed ones apart": {append([]time.Duration{0, 0, 0}, hundred...), 50, 99},
	} {
		if p50, p99 := percentiles(tt.times); p50 != tt.p50 || p99 != tt.p99 {
			t.Errorf("%s: %v and %v, want %v and %v", name, p50, p99, tt.p50, tt.p99)
		}
	}
}

func TestSumTCP(t *testing.T) {
	const snmp = "Ip: Forwarding\nIp: 1\nTcp: RtoMin EstabResets OutRsts\nTcp: 200 3 4\nUdp: InDatagrams\nUdp: 9\n"
	if n, err := sumTCP(snmp, "EstabResets", "OutRsts"); n != 7 || err != nil {
		t.Errorf("%v, %v; want 7", n, err)
	}
	for _, bad := range []string{"", "Tcp: EstabResets OutRsts\n", "Tcp: EstabResets OutRsts\nTcp: 1\n", "Tcp: OutRsts\nTcp: 4\n", "Tcp: EstabResets OutRsts\nTcp: x 4\n"} {
		if n, err := sumTCP(bad, "EstabResets", "OutRsts"); err == nil {
			t.Errorf("%q gave %v", bad, n)
		}
	}
}

type closable struct{ strings.Builder }

func (*closable) Close() error { return nil }

func TestFollow(t *testing.T) {
	in := &closable{}
	seven := func() reading { return read(func() int { return 7 }) }
	s, pauses, err := follow(strings.NewReader("pause\npause\n{\"rate\": 5}\n"), in, seven)
	if err != nil || s["rate"] != 5 || len(pauses) != 2 || in.String() != "\n\n" {
		t.Fatalf("%v, %v, %v, answered %q", s, pauses, err, in.String())
	}
	if p := pauses[0]; p.heap <= 0 || p.collection <= 0 || p.timeWaits != 7 {
		t.Errorf("read %+v", p)
	}
	for said, want := range map[string]string{"": "said nothing", "hello\n": `said "hello"`} {
		if _, _, err := follow(io.Reader(strings.NewReader(said)), &closable{}, seven); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", said, err, want)
		}
	}
}

func TestSteady(t *testing.T) {
	if loopTime() <= 0 {
		t.Error("the loop takes no time")
	}
	if steady([]time.Duration{100, 116}) || !steady([]time.Duration{100, 114, 110}) || !steady(nil) {
		t.Error("steady is not what drift says")
	}
}

func TestPerConnection(t *testing.T) {
	s := sample{"made": 200}
	perConnection(s, gauges{cpu: 10 * time.Millisecond, packets: 1800, lost: 10, resets: 1}, nil)
	want := sample{"made": 200, "cpu_us": 50, "packets": 9, "lost": 5, "resets": 1}
	if !maps.Equal(s, want) {
		t.Errorf("%v, want %v", s, want)
	}
}
