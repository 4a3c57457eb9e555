package script

import (
	"errors"
	"strings"
	"testing"
)

// TestMistakes: a mistake is one line with its place, and says what is missing.
func TestMistakes(t *testing.T) {
	const in = "0 < . 1:1(0) ack 1 win 9"
	for name, tt := range map[string]struct{ script, want string }{
		"empty":               {"", "x:1:1: the script has no events"},
		"a comment alone":     {"// nothing\n", "x:2:1: the script has no events"},
		"binary":              {"\x7fELF\x02\x01", `x:1:1: the character "\x7f" has no meaning here`},
		"comment not ended":   {"0 /* close(3) = 0", "x:1:3: /* is not ended by */"},
		"string not ended":    {`0 write(3, "abc, 3) = 3`, `x:1:12: " is not ended by "`},
		"code not ended":      {"0 %{ assert 1 == 1", "x:1:3: %{ is not ended by }%"},
		"ifdef not ended":     {"#ifdef A\n0 close(3) = 0", "x:1:1: #ifdef without #endif"},
		"ifdef within":        {"#ifdef TFO_COOKIE\n#ifdef CODE\n#endif", "x:2:1: #ifdef within #ifdef, which is not known; the first is in line 1"},
		"no option":           {"--tolerance_usec=3\n" + in, `x:1:1: no option --tolerance_usec; did you mean "tolerance_usecs"?`},
		"option without":      {"--mtu\n" + in, "x:1:1: --mtu wants a value: --mtu=VALUE"},
		"flag with":           {"--debug=1\n" + in, "x:1:1: --debug has no value"},
		"no number":           {"--mtu=big\n" + in, `x:1:1: --mtu is "big", and must be a whole number`},
		"no version":          {"--ip_version=ipv5\n" + in, `x:1:1: --ip_version is "ipv5", and must be ipv4, ipv6 or ipv4-mapped-ipv6`},
		"no time":             {"close(3) = 0", `x:1:1: "close" where the time of an event is expected`},
		"negative":            {"-1 close(3) = 0", "x:1:1: the time of an event is negative"},
		"far":                 {"99999999 close(3) = 0", `x:1:1: the time of an event is "99999999" seconds; at most 31622400 are possible`},
		"backwards":           {"+2~+1 > . 1:1(0) ack 1", "x:1:1: the range of times ends before it begins"},
		"star":                {"* close(3) = 0", `x:1:1: the time "*" is for outbound packets only`},
		"inbound range":       {"1~2 < . 1:1(0) win 9", "x:1:1: a range of times is for outbound packets only"},
		"ends":                {"0", "x:1:2: the script ends where a packet, a system call, a command in backticks or %{ code }% is expected"},
		"command in between":  {in + "\n`true`\n" + in, "x:3:1: a command without a time is the last thing in a script, or the first; give it a time such as +0"},
		"no system call":      {"0 lisen(3, 1) = 0", `x:1:3: no system call "lisen"; did you mean "listen"?`},
		"sctp":                {"0 < sctp: DATA[]", "x:1:5: sctp packets are not supported; tcp, udp and icmp are"},
		"no constant":         {"0 socket(..., SOCK_STREM, 0) = 3", `x:1:15: no constant "SOCK_STREM"; did you mean "SOCK_STREAM"?`},
		"no error":            {"0 read(3, ..., 9) = -1 EAGIN (Try again)", `x:1:24: no error "EAGIN"; did you mean "EAGAIN"?`},
		"no result":           {"0 close(3)\n1 close(4) = 0", `x:2:1: "1" where "=" is expected`},
		"no comma":            {"0 close(3 4) = 0", `x:1:11: "4" where "," or ")" is expected`},
		"no function":         {"0 bind(3, {sin_port=ntohs(1)}, 4) = 0", `x:1:21: no function "ntohs" in an expression; there are htonl, htons, inet6_addr, inet_addr`},
		"no field name":       {"0 setsockopt(3, SOL_SOCKET, SO_LINGER, {onof=1, linger=0}, 8) = 0", `x:1:41: no field "onof" in a struct; did you mean "onoff"?`},
		"no address":          {`0 bind(3, {sin_addr=inet_addr("10.0.0")}, 4) = 0`, "x:1:31: inet_addr wants an IP address in quotes"},
		"escape":              {`0 write(3, "\q", 1) = 1`, `x:1:13: no escape sequence "\\q"; a byte is \x and two hexadecimal digits`},
		"hex escape":          {`0 write(3, "\x4", 1) = 1`, `x:1:13: no escape sequence "\\x"; a byte is \x and two hexadecimal digits`},
		"remark":              {"0 close(3) = -1 EBADF (Bad\n+0 close(4) = 0", `x:1:23: the remark is not ended by ")" on its line`},
		"no flag":             {"0 < SX 0:0(0) win 9", `x:1:6: no flag "X" in "SX"; they are letters of FSRPUEWA, '.' for ACK, one digit up to 7 for the ACE counter, or "-" for none`},
		"flags twice":         {"0 < S.. 0:0(0) win 9", `x:1:7: the flags "S.." have '.' twice`},
		"ace and ece":         {"0 < SE.3 0:0(0) win 9", `x:1:5: the flags "SE.3" have both an ACE counter and one of E, W and A, which are its bits`},
		"no flags":            {"0 < 0:0(0) win 9", `x:1:6: ":" where ">" is expected`},
		"length":              {"0 < . 1:5(3) ack 1 win 9", "x:1:7: the sequence numbers are 4 apart, and the payload has 3 bytes"},
		"out of range":        {"0 < . 4294967296:4294967296(0) win 9", `x:1:7: the first sequence number is "4294967296", and must be from 0 to 4294967295`},
		"no window":           {"0 < . 1:1(0) ack 1", `x:1:19: the script ends where "win", which an inbound segment has, is expected`},
		"window":              {"0 < . 1:1(0) ack 1 win 70000", `x:1:24: the window is "70000", and must be from 0 to 65535`},
		"undefined":           {"0 > . 1:1(0) ack 1 <mss MSS,nop>", `x:1:25: "MSS" where mss is expected; if it is to be defined, -D MSS=VALUE does so`},
		"no name":             {"0 > . rcv_nx:rcv_nx(0)", `x:1:7: "rcv_nx" where the first sequence number is expected: it is neither a number nor one of irs, iss, rcv_nxt, rcv_wnd, rcv_wnd_edge, snd_nxt, snd_una, snd_wnd, snd_wnd_edge; did you mean "rcv_nxt"?`},
		"two names":           {"0 > . rcv_nxt:snd_nxt(0)", "x:1:7: a sequence number by name ends in one by the same name, such as rcv_nxt:rcv_nxt+0(0)"},
		"options inbound":     {"0 < S 0:0(0) win 9 <...>", "x:1:21: <...> is for outbound packets only"},
		"no TCP option":       {"0 < S 0:0(0) win 9 <mms 1460>", `x:1:21: no TCP option "mms"; did you mean "mss"?`},
		"padding":             {"0 < S 0:0(0) win 9 <sackOK>", "x:1:20: the TCP options have 2 bytes, which is no multiple of 4; add nop or eol"},
		"room":                {"0 < S 0:0(0) win 9 <TS val 1 ecr 0,TS val 1 ecr 0,TS val 1 ecr 0,TS val 1 ecr 0,mss 9>", "x:1:81: the TCP options up to here have 44 bytes, and a header has room for 40"},
		"odd cookie":          {"0 < S 0:0(0) win 9 <FO 123>", "x:1:24: the cookie has 3 hexadecimal digits, an odd number"},
		"no hex":              {"0 < S 0:0(0) win 9 <FO cookie>", `x:1:24: the cookie is "cookie", and must be hexadecimal digits`},
		"no icmp type":        {"0 < icmp unreachible [1:1(0)]", `x:1:10: no type "unreachible" of ICMP; did you mean "unreachable"?`},
		"no icmp code":        {"0 < icmp unreachable port [1:1(0)]", `x:1:22: no code "port" of the type unreachable of ICMP; did you mean "port_unreachable"?`},
		"mtu":                 {"0 < icmp echo_reply mtu 5", `x:1:21: mtu is for "unreachable frag_needed" of IPv4 and "packet_too_big" and "router_advertisement" of IPv6`},
		"no field":            {"0 < (tox 1) . 1:1(0) win 9", `x:1:6: no field "tox" of the IP header; did you mean "tos"?`},
		"ect01":               {"0 < [ect01] . 1:1(0) win 9", "x:1:6: ect01 is for outbound packets only"},
		"address of a tunnel": {"0 < ipv4 fd::1 > fd::2: . 1:1(0) win 9", `x:1:10: "fd::1" where an address of ipv4 is expected`},
		"code":                {"0 %{ assert tcpi_state = 1 }%", `x:1:24: "=" where the end of the statement is expected`},
		"code block":          {"0 %{ if a == 1:\n assert b }%", `x:1:16: "\n" where a statement on the line of "if"; blocks of lines are not supported is expected`},
		"code loop":           {"0 %{ while 1: pass }%", `x:1:6: "while" is no statement; there are assert, name = value, print, if and pass`},
	} {
		_, err := Parse("x", []byte(tt.script), Config{})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s:\n got %v\nwant %s", name, err, tt.want)
		}
	}
}

// TestBounds: what is too large is refused, and said in one short line.
func TestBounds(t *testing.T) {
	for name, tt := range map[string]struct{ script, want string }{
		"script":     {strings.Repeat(" ", MaxScript+1), "the script has more than 4194304 bytes"},
		"string":     {`0 write(3, "` + strings.Repeat("a", maxText+1) + `", 1) = 1`, "a text of 65537 bytes"},
		"strings":    {"0 write(3, " + strings.Repeat(`"`+strings.Repeat("a", 1000)+`"`, 70) + ", 1) = 1", "a string of more than 65536 bytes"},
		"options":    {strings.Repeat("--debug\n", maxOptions+1) + "0 close(3) = 0", "more than 100 options"},
		"events":     {strings.Repeat("+0 close(3) = 0\n", maxEvents+1), "more than 100000 events"},
		"elements":   {"0 close(" + strings.Repeat("1,", maxElements) + "1) = 0", "more than 10000 elements"},
		"fields":     {"0 close({" + strings.Repeat("fd=1,", maxElements) + "fd=1}) = 0", "more than 10000 fields"},
		"terms":      {"0 close(" + strings.Repeat("1|", maxElements) + "1) = 0", "more than 10000 terms"},
		"brackets":   {"0 close(" + strings.Repeat("[", 100_000), "more than 50 brackets within one another"},
		"assigns":    {"0 close(" + strings.Repeat("a=", 100_000), "more than 50 brackets within one another"},
		"outer":      {"0 < " + strings.Repeat("gre: ", maxOuter+1), "more than 8 headers around a packet"},
		"sack":       {"0 < . 1:1(0) win 1 <sack " + strings.Repeat("1:2 ", 100_000) + ">", "the TCP options up to here have 50 bytes"},
		"flags":      {"0 < " + strings.Repeat("S", 100_000), "no flags"},
		"word":       {"0 " + strings.Repeat("s", 100_000) + "() = 0", "no system call"},
		"name":       {"0 > . 1:1(0) ack 1 <mss " + strings.Repeat("M", 100_000), "if it is to be defined, -D MMMM"},
		"option":     {"--" + strings.Repeat("s", 100_000), "no option --ssss"},
		"icmp type":  {"0 < icmp type_" + strings.Repeat("0", 100_000) + "3 code", "of ICMP"},
		"number":     {"0 close(" + strings.Repeat("9", 100_000) + ") = 0", "is out of range"},
		"parens":     {"0 %{ assert " + strings.Repeat("(", 60_000) + "}%", "more than 50 parentheses within one another"},
		"signs":      {"0 %{ assert " + strings.Repeat("-", 60_000) + "1 }%", "more than 50 signs in a row"},
		"nots":       {"0 %{ assert " + strings.Repeat("not ", 10_000) + "1 }%", "more than 50 parentheses within one another"},
		"ifs":        {"0 %{ " + strings.Repeat("if 1: ", 10_000) + "pass }%", "more than 50 levels within one another"},
		"definition": {"--define=A=\"" + strings.Repeat("a", maxText+1) + "\"\n0 close(A) = 0", "the value of the option is too long"},
	} {
		_, err := Parse("x", []byte(tt.script), Config{})
		var wrong *Error
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Text, tt.want) || len(wrong.Text) > 300 {
			t.Errorf("%s: got %.400v, want %s", name, err, tt.want)
		}
	}
}

// TestStrict: what neither of the originals takes.
func TestStrict(t *testing.T) {
	for name, script := range map[string]string{
		"a name":    "0 > . rcv_nxt:rcv_nxt(0) ack 1",
		"a comment": "# comment\n0 close(3) = 0",
		"no remark": "0 close(3) = -1 EBADF\n+0 close(4) = 0",
		"a cookie":  "0 < S 0:0(0) win 9 <FO TFO_COOKIE,nop,nop>",
		"icmpv6":    "0 < icmp packet_too_big mtu 1400",
	} {
		if _, err := Parse("x", []byte(script), Config{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Parse("x", []byte(script), Config{Strict: true}); err == nil {
			t.Errorf("%s: strict, and no error", name)
		}
	}
}

// TestDefines: from the caller, from the script, of every form.
func TestDefines(t *testing.T) {
	text := "--define=LEN=0x10\n--define=TEXT=\"a b\"\n--define=CMD=`true`\n0 write(FD, TEXT, LEN) = LEN\n+0 CMD\n+0 CALL(FD) = 0\n"
	c := Config{Defines: map[string]string{"FD": "7", "CALL": "close", "LEN": "1"}}
	s, err := Parse("x", []byte(text), c)
	if err != nil {
		t.Fatal(err)
	}
	write := s.Events[0].Action.(*Syscall)
	if fd, text, n := write.Args[0].(*Int).Value, write.Args[1].(*String).Value, write.Args[2].(*Int).Value; fd != 7 || text != "a b" || n != 16 {
		t.Errorf("write(%d, %q, %d)", fd, text, n)
	}
	if cmd := s.Events[1].Action.(*Command).Text; cmd != "true" {
		t.Errorf("command %q", cmd)
	}
	if name := s.Events[2].Action.(*Syscall).Name; name != "close" {
		t.Errorf("call %q", name)
	}
	if got := s.Events[0].Text; got != "write(FD, TEXT, LEN) = LEN" {
		t.Errorf("text %q", got)
	}
}
