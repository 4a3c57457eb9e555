package sockstat

import (
	"strings"
	"testing"
	"time"

	"lastack/harness/term/golden"
)

func render(t *testing.T, list []Socket, opts TableOptions) string {
	t.Helper()
	var b strings.Builder
	table := NewTable(&b, opts)
	for i := range list {
		if err := table.Add(&list[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTable(t *testing.T) {
	var four []Socket
	for _, s := range host() {
		if s.is4() {
			four = append(four, s)
		}
	}
	golden.Match(t, "testdata/all.txt", []byte(render(t, host(), TableOptions{})))
	golden.Match(t, "testdata/timers.txt", []byte(render(t, four, TableOptions{Timers: true})))
	golden.Match(t, "testdata/no-header.txt", []byte(render(t, host(), TableOptions{NoHeader: true})))
	golden.Match(t, "testdata/no-state.txt", []byte(render(t, host()[9:], TableOptions{NoState: true, Timers: true})))
	golden.Match(t, "testdata/nothing.txt", []byte(render(t, nil, TableOptions{})))
	for line := range strings.Lines(render(t, four, TableOptions{})) {
		if len(line) > 81 {
			t.Errorf("longer than 80 columns: %s", line)
		}
	}
}

// TestNarrowTable: on a narrow terminal addresses have a line of their own, or two.
func TestNarrowTable(t *testing.T) {
	got := render(t, host(), TableOptions{Timers: true, Columns: 40})
	fits(t, got, 40)
	golden.Match(t, "testdata/narrow.txt", []byte(got))
	if wide := render(t, host(), TableOptions{Columns: 200}); wide != render(t, host(), TableOptions{}) {
		t.Errorf("where there is room:\n%s", wide)
	}
}

func fits(t *testing.T, text string, columns int) {
	t.Helper()
	for line := range strings.Lines(text) {
		if len(line) > columns+1 {
			t.Errorf("longer than %d columns: %s", columns, line)
		}
	}
}

// TestInfo: what was agreed on stands below the connection, and nothing below others.
func TestInfo(t *testing.T) {
	list := host()[4:6]
	list[0].FastOpen = 73
	want := "State      Recv-Q Send-Q Local Address:Port Peer Address:Port\n" +
		"ESTAB      65536  0          10.77.0.2:80      10.77.0.1:42076\n\t ts fastopen\n" +
		"CLOSE-WAIT 6      0          10.77.0.2:8004    10.77.0.1:50320\n"
	if got := render(t, list, TableOptions{Info: true}); got != want {
		t.Errorf("got:\n%s", got)
	}
}

// TestTableOfMany: the header comes once, however many chunks there are.
func TestTableOfMany(t *testing.T) {
	many := make([]Socket, 2*chunk+1)
	for i := range many {
		many[i] = host()[4]
	}
	got := render(t, many, TableOptions{})
	if n := strings.Count(got, "State"); n != 1 {
		t.Errorf("%d headers", n)
	}
	if n := strings.Count(got, "\n"); n != len(many)+1 {
		t.Errorf("%d lines, want %d", n, len(many)+1)
	}
}

func TestTimerText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		58_240 * time.Millisecond: "58sec", 10 * time.Second: "10sec",
		1500 * time.Millisecond: "1.500ms", 9 * time.Second: "9sec",
		204 * time.Millisecond: "204ms", 90 * time.Second: "1min30sec",
		119 * time.Minute: "119min", 0: "", -time.Second: "",
	} {
		if got := timerText(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestSummary(t *testing.T) {
	var b strings.Builder
	s := Summary{
		States:   map[string]int{"LISTEN": 9, "ESTABLISHED": 12, "CLOSE_WAIT": 3, "FIN_WAIT_2": 2, "TIME_WAIT": 600_000},
		Orphaned: 2, IPv4: 20, IPv6: 6,
	}
	if err := s.Write(&b, 0); err != nil {
		t.Fatal(err)
	}
	golden.Match(t, "testdata/summary.txt", []byte(b.String()))
	b.Reset()
	if err := s.Write(&b, 40); err != nil {
		t.Fatal(err)
	}
	fits(t, b.String(), 40)
}
