package bench

import (
	"strings"
	"testing"
)

func TestMeasureTimeWait(t *testing.T) {
	m, err := MeasureTimeWait(50_000)
	if err != nil {
		t.Fatal(err)
	}
	for what, v := range map[string]float64{
		"insertion": m.InsertNs, "slowest insertion": m.InsertMaxUs * 1e3, "arrival": m.ArriveNs,
		"expiry": m.ExpireNs, "collection": m.GCUs * 1e3,
	} {
		if v <= 0 {
			t.Errorf("%s took %v ns", what, v)
		}
	}
	if m.BytesPerRecord < 56 || m.BytesPerRecord > 90 {
		t.Errorf("%.1f bytes a record", m.BytesPerRecord)
	}
	var out strings.Builder
	if err := m.Render(&out); err != nil || !strings.Contains(out.String(), "Linux: about 512") {
		t.Errorf("rendered %q, %v", out.String(), err)
	}
	for line := range strings.Lines(out.String()) {
		if len(line) > 81 {
			t.Errorf("more than 80 columns: %q", line)
		}
	}
}
