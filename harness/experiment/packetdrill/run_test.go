package packetdrill_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lastack/harness/experiment/packetdrill"
	"lastack/harness/experiment/packetdrill/inprocess"
	"lastack/harness/experiment/packetdrill/script"
)

// opened is a connection to a listener, 3; the socket is 4, and the script 0.1 s old.
const opened = `
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 65535 <mss 1460>
   +0 > S. 0:0(0) ack 1 <mss 1460>
  +.1 < . 1:1(0) ack 1 win 65535
   +0 accept(3, ..., ...) = 4
`

// running runs a text as a script on lastack, on virtual time.
func running(t *testing.T, text string, cfg packetdrill.Config) *packetdrill.Outcome {
	t.Helper()
	s, err := script.Parse("x.pkt", []byte(text), script.Config{})
	if err != nil {
		t.Fatal(err)
	}
	subject, err := inprocess.New(inprocess.Config{Addresses: packetdrill.DefaultAddresses(), Virtual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := subject.Close(); err != nil {
			t.Error(err)
		}
	}()
	return packetdrill.Run(t.Context(), s, subject, cfg)
}

// TestDifferences: each script fails at its last line, and the runner says how.
func TestDifferences(t *testing.T) {
	for name, tt := range map[string]struct{ script, want, got string }{
		"flags":            {"+0 close(4) = 0\n+0 > R. 1:1(0) ack 1", "flags: expected R., got F.", "> F. 1:1(0) ack 1 win 65535"},
		"sequence number":  {"+0 close(4) = 0\n+0 > F. 7:7(0) ack 1", "sequence number: expected 7, got 1", "> F. 1:1(0) ack 1 win 65535"},
		"acknowledgement":  {"+0 close(4) = 0\n+0 > F. 1:1(0) ack 2", "acknowledgement: expected 2, got 1", "> F. 1:1(0) ack 1 win 65535"},
		"window":           {"+0 close(4) = 0\n+0 > F. 1:1(0) ack 1 win 9", "window: expected 9, got 65535", "> F. 1:1(0) ack 1 win 65535"},
		"length":           {"+0 write(4, ..., 9) = 9\n+0 > P. 1:9(8) ack 1", "bytes of data: expected 8, got 9", "> P. 1:10(9) ack 1 win 65535"},
		"options":          {"+0 close(4) = 0\n+0 > F. 1:1(0) ack 1 <nop,nop,sack 5:6>", "options: expected <nop,nop,sack 5:6>, got none", "> F. 1:1(0) ack 1 win 65535"},
		"urgent":           {"+0 close(4) = 0\n+0 > F. 1:1(0) ack 1 urg 3", "urgent pointer: expected 3, got 0", "> F. 1:1(0) ack 1 win 65535"},
		"ECN":              {"+0 close(4) = 0\n+0 > [ect0] F. 1:1(0) ack 1", "ECN: expected 2, got 0", "> F. 1:1(0) ack 1 win 65535"},
		"too early":        {"+0 close(4) = 0\n+.1 > F. 1:1(0) ack 1", "time: expected at 0.200000 s, got at 0.100000 s (0.100000 s too early; tolerance 0s)", "> F. 1:1(0) ack 1 win 65535"},
		"too late":         {"+0 < P. 1:11(10) ack 1 win 65535\n+0 > . 1:1(0) ack 11", "no packet came by 0.100000 s; the next came at 0.104000 s, 0.004000 s later", "> . 1:1(0) ack 11 win 29174"},
		"never":            {"+0 > . 1:1(0) ack 1", "no packet came by 0.100000 s, nor within 3s more", ""},
		"return value":     {"+0 write(4, ..., 9) = 8", "write returned 9, expected 8", "write(...) = 9"},
		"no error":         {"+0 write(4, ..., 9) = -1 EPIPE (Broken pipe)", "write returned 9, expected -1 EPIPE", "write(...) = 9"},
		"another error":    {"+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0\n+0 read(4, ..., 9) = -1 EPIPE (Broken pipe)", "read failed with EAGAIN, expected EPIPE", "read(...) = -1 EAGAIN"},
		"a closed socket":  {"+0 close(4) = 0\n+0 read(4, ..., 9) = 0", "read returned -1 EBADF, expected 0", "read(...) = -1 EBADF"},
		"blocks":           {"+0 read(4, ..., 9) = 9", "read blocks, and the script does not say so", ""},
		"does not return":  {"+0...0.1 read(4, ..., 9) = 9\n+.2 %{ pass }%", "read has not returned by 0.200000 s", ""},
		"returns early":    {"+0...0.1 write(4, ..., 9) = 9", "time: write returned at 0.100000 s, expected at 0.200000 s (tolerance 0s)", "write(...) = 9"},
		"option":           {"+0 getsockopt(4, SOL_SOCKET, SO_ERROR, [104], [4]) = 0", "getsockopt gave 0, expected 104", "getsockopt(..., [0]) = 0"},
		"linger":           {"+0 getsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=3}, [8]) = 0", "getsockopt: onoff is 0, expected 1", "getsockopt(...) = 0"},
		"queue":            {"+0 ioctl(4, SIOCINQ, [5]) = 0", "ioctl gave 0, expected 5", "ioctl(..., [0]) = 0"},
		"poll":             {"+0 poll([{fd=4, events=POLLOUT, revents=POLLIN}], 1, 0) = 1", "poll: revents of number 1 is 0x4, expected 0x1", "poll(...) = 1"},
		"data":             {"+0 < P. 1:3(2) ack 1 win 9\n+0 read(4, \"ab\", 9) = 2", `read "\x00\x00", expected "ab"`, "read(...) = 2"},
		"assertion":        {"+0 %{ assert tcpi_state == TCP_CLOSE }%", "tcpi_state == TCP_CLOSE does not hold", "tcpi_state is 1, TCP_CLOSE is 7"},
		"sockets":          {"+0 `sockstat -4 -P tcp -s | grep packetdril | grep -c TIME_WAIT | grep 1`", "0 sockets are in TIME_WAIT, expected 1", "sockets in LISTEN, ESTABLISHED"},
		"of another kind":  {"+0 < . 1:1(0) ack 9 win 5\n+0 > icmp unreachable port_unreachable", "expected ICMP, got a TCP segment", "> . 1:1(0) ack 1 win 29184"},
		"epoll":            {"+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT, fd=4}) = 0\n+0 epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1", "epoll_wait: event 1 is {events=0x4, data=4}, expected {events=0x1, data=4}", "epoll_wait(...) = 1"},
		"in flight":        {"+0 %{ assert tcpi_unacked == 0 and tcpi_total_retrans == 0 }%\n+0 shutdown(4, SHUT_WR) = 0\n+0 > F. 1:1(0) ack 1\n+0 %{ assert tcpi_unacked == 1 }%\n+.01 < . 1:1(0) ack 2 win 9\n+0 %{ assert tcpi_unacked == 0 and tcpi_state == TCP_FIN_WAIT2 }%", "", ""},
		"its own sequence": {"+0 < P. 1:11(10) ack 1 win 9\n+.004 > . snd_nxt:snd_nxt(0) ack rcv_nxt\n+0 read(4, ..., 10) = 10\n+0 close(4) = 0\n+0 > F. snd_nxt:snd_nxt(0) ack rcv_nxt", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := running(t, opened+tt.script+"\n", packetdrill.Config{})
			if tt.want == "" && o.Err == nil {
				return
			}
			var f *packetdrill.Failure
			if !errors.As(o.Err, &f) || f.Why != tt.want || f.Got != tt.got {
				t.Fatalf("%v\ngot %q\nwant %s\ngot %q", o.Err, got(f), tt.want, tt.got)
			}
			if f.Pos.Line < 9 || f.Expected == "" {
				t.Errorf("at %v: %q", f.Pos, f.Expected)
			}
		})
	}
}

func got(f *packetdrill.Failure) string {
	if f == nil {
		return ""
	}
	return f.Got
}

// TestUnable: what cannot be run is no failure of the subject's.
func TestUnable(t *testing.T) {
	for name, tt := range map[string]struct{ script, want string }{
		"a shell command":  {opened + "+0 `true`", `x.pkt:9:4: the shell command "true" is no sysctl; --allow-shell runs such, --skip-shell passes over them`},
		"a value":          {opened + "+0 `sysctl -w net.ipv4.tcp_fin_timeout=soon`", "tcp_fin_timeout"},
		"a system call":    {opened + "+0 splice(4, NULL, 5, NULL, 10, 0) = 10", "the system call splice cannot be made"},
		"MD5":              {opened + "+0 setsockopt(4, SOL_TCP, TCP_MD5SIG, [1], 4) = 0", "lastack, virtual time does not have TCP_MD5SIG (RFC 2385)"},
		"a digest":         {opened + "+0 < . 1:1(0) ack 1 win 9 <nop,nop,md5 valid>", `signatures of TCP_MD5SIG (RFC 2385) are not supported: the digest of "md5 valid" is not computed`},
		"a field":          {opened + "+0 %{ assert tcpi_sacked == 0 }%", "lastack, virtual time does not give tcpi_sacked"},
		"no socket":        {"0 < S 0:0(0) win 5", "x.pkt:1:1: there is no socket that the packet could be for; make one with socket()"},
		"no open socket":   {opened + "+0 close(4) = 0\n+0 %{ assert tcpi_state == 1 }%", "the connection has no socket that TCP_INFO could be asked of"},
		"for ever":         {"90000 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", "x.pkt:1:1: the script goes on for longer than 24h0m0s"},
		"more than memory": {opened + "+0 write(4, ..., 99999999999) = 1", "99999999999 bytes; at most 67108864 are written by one call"},
		"FreeBSD's":        {opened + "+0 setsockopt(4, IPPROTO_TCP, TCP_NOOPT, [1], 4) = 0", "no constant TCP_NOOPT on Linux"},
	} {
		t.Run(name, func(t *testing.T) {
			o := running(t, tt.script+"\n", packetdrill.Config{})
			var u *packetdrill.Unable
			if !errors.As(o.Err, &u) || !strings.Contains(u.Error(), tt.want) {
				t.Errorf("%v, want %s", o.Err, tt.want)
			}
		})
	}
}

// TestPassedOver: tunables of other systems and unknown ones are noted.
func TestPassedOver(t *testing.T) {
	o := running(t, "0 `sysctl -w net.inet.tcp.rfc1323=1 -q net.ipv4.tcp_frto=2 net.ipv4.tcp_rmem=\"4096 8192 16384\"`\n+0 `true`\n",
		packetdrill.Config{SkipShell: true})
	if o.Err != nil || len(o.Notes) != 4 {
		t.Errorf("%v, %q", o.Err, o.Notes)
	}
}

func TestShell(t *testing.T) {
	var ran []string
	cfg := packetdrill.Config{Shell: func(_ context.Context, folder, command string) error {
		ran = append(ran, folder+" "+command)
		if command == "false" {
			return errors.New("exit status 1")
		}
		return nil
	}}
	o := running(t, "`first`\n0 `true`\n+0 `false`\n`last`\n", cfg)
	var f *packetdrill.Failure
	if !errors.As(o.Err, &f) || f.Why != "the shell command failed: exit status 1" {
		t.Error(o.Err)
	}
	if want := ". first, . true, . false, . last"; strings.Join(ran, ", ") != want {
		t.Errorf("ran %q", ran)
	}
}

// TestTolerance: --tolerance_usecs of a script comes before the runner's own.
func TestTolerance(t *testing.T) {
	late := "+0 < P. 1:11(10) ack 1 win 65535\n+0 > . 1:1(0) ack 11\n"
	for i, tt := range []struct {
		option string
		cfg    time.Duration
		pass   bool
	}{{"", 0, false}, {"", 4 * time.Millisecond, true}, {"--tolerance_usecs=3999\n", 4 * time.Millisecond, false}, {"--tolerance_usecs=4000\n", 0, true}} {
		if o := running(t, tt.option+opened+late, packetdrill.Config{Tolerance: tt.cfg}); (o.Err == nil) != tt.pass {
			t.Errorf("%d: %v", i, o.Err)
		}
	}
}

// TestTimestamps: the script's timestamps stand for the subject's, whatever those are.
func TestTimestamps(t *testing.T) {
	text := `
    0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
   +0 bind(3, ..., ...) = 0
   +0 listen(3, 1) = 0
   +0 < S 0:0(0) win 65535 <mss 1460,sackOK,TS val 500 ecr 0>
   +0 > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val 100 ecr 500>
 +.05 < . 1:1(0) ack 1 win 65535 <nop,nop,TS val 550 ecr 100>
   +0 accept(3, ..., ...) = 4
   +0 write(4, ..., 10) = 10
   +0 > P. 1:11(10) ack 1 <nop,nop,TS val %s ecr %s>
`
	for _, tt := range [][3]string{
		{"150", "550", ""}, {"151", "550", "timestamp value: expected 151, got 150"},
		{"150", "551", "timestamp echo: expected 551, got 550"},
	} {
		body := fmt.Sprintf(text, tt[0], tt[1])
		if o := running(t, body, packetdrill.Config{}); o.Err != nil {
			t.Errorf("%v: without a tick they are not compared: %v", tt, o.Err)
		}
		o := running(t, "--tcp_ts_tick_usecs=1000\n"+body, packetdrill.Config{})
		if (o.Err == nil) != (tt[2] == "") || o.Err != nil && !strings.Contains(o.Err.Error(), tt[2]) {
			t.Errorf("%v: %v", tt, o.Err)
		}
	}
}

// TestStrictSegments: a script may have in one segment what comes in several.
func TestStrictSegments(t *testing.T) {
	text := opened + "+0 write(4, ..., 3000) = 3000\n+0 > P. 1:3001(3000) ack 1\n"
	if o := running(t, text, packetdrill.Config{}); o.Err != nil {
		t.Error(o.Err)
	}
	o := running(t, "--strict_segments\n"+text, packetdrill.Config{})
	if o.Err == nil || !strings.Contains(o.Err.Error(), "expected P., got .") && !strings.Contains(o.Err.Error(), "bytes of data") {
		t.Error(o.Err)
	}
}

// TestEnds: a run ends with its context.
func TestEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	s, err := script.Parse("x.pkt", []byte(opened+"* > F. 1:1(0) ack 1\n"), script.Config{})
	if err != nil {
		t.Fatal(err)
	}
	subject, err := inprocess.New(inprocess.Config{Addresses: packetdrill.DefaultAddresses(), Virtual: true})
	if err != nil {
		t.Fatal(err)
	}
	if o := packetdrill.Run(ctx, s, subject, packetdrill.Config{}); !errors.Is(o.Err, cause) {
		t.Error(o.Err)
	}
	if err := subject.Close(); err != nil {
		t.Error(err)
	}
}
