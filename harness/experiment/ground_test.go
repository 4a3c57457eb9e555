package experiment

import (
	"os"
	"strings"
	"testing"
)

// TestUnsupported: a sysctl that is not there is told from one that is mistyped.
func TestUnsupported(t *testing.T) {
	if _, err := os.Stat("/proc/sys/net/ipv4/tcp_fin_timeout"); err != nil {
		t.Skip("this kernel shows no sysctls:", err)
	}
	u := &unsupported{name: "net.ipv4.tcp_fin_timout", peer: true}
	if got := u.Error(); !strings.Contains(got, `run it on a newer one; if it is mistyped, did you mean "net.ipv4.tcp_fin_timeout"?`) {
		t.Error(got)
	}
	u = &unsupported{name: "net.nowhere.x"}
	if got := u.Error(); got != "this kernel has no net.nowhere.x; run it on a newer one, or with --subject lastack" {
		t.Error(got)
	}
}
