package explain

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFINsAgainInFindings: a FIN that was answered late is no loss, and one that nobody
// answered is no loss either, but about a side that is gone.
func TestFINsAgainInFindings(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		want   FindingKind
	}{
		"lost":     {talked + "3 c FIN+ACK\n203 c FIN+ACK seq=101\n204 s FIN+ACK ack=102\n204.1 c ACK\n", FindLost},
		"late":     {talked + "3 c FIN+ACK\n203 c FIN+ACK seq=101\n800 s ACK ack=102\n800.1 s ACK ack=102\n801 s FIN+ACK\n801.1 c ACK\n", ""},
		"habit":    {talked + "3 s FIN+ACK\n3.4 c FIN+ACK ack=1001\n4 s ACK ack=102\n4.2 s FIN+ACK seq=1001 ack=102\n5 c ACK ack=1002\n", ""},
		"deserted": {talked + "3 s FIN+ACK\n4 c FIN+ACK\n204 c FIN+ACK seq=101\n604 c FIN+ACK seq=101\n", FindUnanswered},
	} {
		sum := many(t, 5, time.Second, tt.script)
		has := func(kind FindingKind) bool {
			return slices.ContainsFunc(sum.Findings, func(f Finding) bool { return f.Kind == kind })
		}
		for _, kind := range []FindingKind{FindLost, FindUnanswered} {
			if has(kind) != (kind == tt.want) {
				t.Errorf("%s: finding %s: %v", name, kind, has(kind))
			}
		}
		for _, f := range sum.Findings {
			if strings.Contains(f.Text, " on ;") || strings.Contains(f.Text, "again: ;") {
				t.Errorf("%s: %s", name, f.Text)
			}
		}
	}
}
