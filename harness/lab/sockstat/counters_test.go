package sockstat

import (
	"strings"
	"testing"
)

const netstat = "TcpExt: SyncookiesSent TW TCPTimeWaitOverflow\nTcpExt: 1 22 333\nIpExt: InNoRoutes\nIpExt: 4\n"

func TestReadCounters(t *testing.T) {
	got := map[string]uint64{}
	if err := ReadCounters(strings.NewReader(netstat), got); err != nil {
		t.Fatal(err)
	}
	if err := ReadCounters(strings.NewReader("Tcp: MaxConn OutRsts\nTcp: -1 5\n"), got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 5 || got["TcpExtTCPTimeWaitOverflow"] != 333 || got["IpExtInNoRoutes"] != 4 || got["TcpOutRsts"] != 5 {
		t.Errorf("%v", got)
	}
	for _, bad := range []string{"TcpExt: A B\nTcpExt: 1\n", "TcpExt: A\nIpExt: 1\n", "x\ny\n", "TcpExt: A\nTcpExt: z\n"} {
		if err := ReadCounters(strings.NewReader(bad), map[string]uint64{}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestOrphans(t *testing.T) {
	if n, ok := Orphans(strings.NewReader("sockets: used 9\nTCP: inuse 3 orphan 7 tw 0 alloc 4 mem 0\n")); n != 7 || !ok {
		t.Errorf("%d, %v", n, ok)
	}
	if _, ok := Orphans(strings.NewReader("TCP: inuse 3\n")); ok {
		t.Error("no orphans are taken for none")
	}
}

func FuzzCounters(f *testing.F) {
	f.Add(netstat)
	f.Add("TCP: inuse 3 orphan 7 tw 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		counters := map[string]uint64{}
		_ = ReadCounters(strings.NewReader(text), counters)
		if len(counters) > len(text) {
			t.Errorf("%d counters in %d bytes", len(counters), len(text))
		}
		if n, ok := Orphans(strings.NewReader(text)); ok && n < 0 {
			t.Errorf("%d orphans", n)
		}
	})
}
