package claims

import "fmt"

// Settings that claims are about. Each is read from a new network namespace.
const (
	portRange = "net.ipv4.ip_local_port_range"
	twReuse   = "net.ipv4.tcp_tw_reuse"
	twRecycle = "net.ipv4.tcp_tw_recycle"
)

// noAddress is what connect() fails with when there is no port left.
const noAddress = "EADDRNOTAVAIL"

// accepted is what a SYN gets that begins a connection.
const accepted = "SYN+ACK"

// ports are the claims about running out of ports, and about counting.
var ports = []Claim{
	{
		Number: 30, Source: "N, A", Expect: No,
		Text:  "A client's ports are 1024 to 65535, about 60,000.",
		Truth: "The default is 32768 to 60999, which are 28,232.",
		judge: func(s *seen) Finding {
			lo, hi, err := s.portRange()
			if err != nil {
				return Finding{Unclear, err.Error()}
			}
			return graded(lo == 1024 && hi == 65535, hi-lo+1 > 55000, "by default %d to %d: %d ports", lo, hi, hi-lo+1)
		},
	},
	{
		Number: 31, Source: "N, A", Expect: Holds, Tries: []string{"port-exhaustion"},
		Text:  `A loop of short connections fails near 30,000 with "Cannot assign requested address".`,
		Truth: "It fails after exactly 28,232, the number of ports.",
		judge: func(s *seen) Finding {
			lo, hi, err := s.portRange()
			if err != nil {
				return Finding{Unclear, err.Error()}
			}
			n, failed := s.tally("port-exhaustion")
			errno := s.errno("port-exhaustion")
			ends := failed > 0 && errno == noAddress
			near := hi-lo+1 >= 25000 && hi-lo+1 <= 35000
			if !ends {
				return whether(false, "%d connections, %d failed, none with %s", n, failed, noAddress)
			}
			return graded(near, true, "%s after %d with as many ports; the default has %d", errno, n, hi-lo+1)
		},
	},
	{
		Number: 32, Source: "N, A", Expect: Holds, Tries: []string{"netstat-time-wait"},
		Text:  "netstat -an | grep TIME_WAIT | wc -l counts the sockets in TIME_WAIT.",
		Truth: "netstat prints TIME_WAIT with an underscore.",
		judge: func(s *seen) Finding {
			there, counted, _ := s.grep("netstat-time-wait")
			return whether(counted == there, "%s counted where %s were in TIME_WAIT", counted, there)
		},
	},
	{
		Number: 33, Source: "N, A", Expect: No, Tries: []string{"grep-time-wait"},
		Text:  "ss -ant | grep TIME_WAIT | wc -l counts the sockets in TIME_WAIT.",
		Truth: "It always counts 0: ss prints TIME-WAIT.",
		judge: func(s *seen) Finding {
			there, counted, _ := s.grep("grep-time-wait")
			return whether(counted == there, "%s counted where %s were in TIME_WAIT", counted, there)
		},
	},
	{
		Number: 34, Source: "N, A", Expect: No, Tries: []string{"grep-time-wait"},
		Text:  "A script that counts with ss | grep TIME_WAIT every 5 s, alarm above 50,000, warns in time.",
		Truth: "It counts nothing and never fires: ss prints TIME-WAIT.",
		judge: func(s *seen) Finding {
			there, counted, _ := s.grep("grep-time-wait")
			return whether(counted == there, "it counts %s where %s were in TIME_WAIT", counted, there)
		},
	},
	{
		Number: 35, Source: "N, A", Expect: InPart,
		Tries: []string{"ports-tw-reuse", "ports-tw-reuse-no-timestamps", "ports-tw-reuse-after-a-second", "port-exhaustion-errno"},
		Text:  "net.ipv4.tcp_tw_reuse = 1 lets ports in TIME_WAIT be used again.",
		Truth: "It does with timestamps and after a second; the default is 2, loopback only.",
		judge: func(s *seen) Finding {
			_, with := s.tally("ports-tw-reuse")
			_, without := s.tally("ports-tw-reuse-no-timestamps")
			again, _ := s.tally("ports-tw-reuse-after-a-second")
			return graded(with == 0 && without == 0, with == 0 && again > 2,
				"%d of 13 failed with timestamps, %d without; default %s", with, without, s.settings[twReuse])
		},
	},
	{
		Number: 36, Source: "N, A", Expect: InPart,
		Tries: []string{"ports-tw-reuse-no-timestamps", "time-wait-syn-isn", "time-wait-syn-timestamp", "time-wait-syn-refused"},
		Text:  "To reuse a port in TIME_WAIT takes a larger ISN or a larger timestamp.",
		Truth: "Outgoing, by tcp_tw_reuse, timestamps alone count; for an incoming SYN either will do.",
		judge: func(s *seen) Finding {
			_, failed := s.tally("ports-tw-reuse-no-timestamps")
			isn, ts, neither := s.last("time-wait-syn-isn"), s.last("time-wait-syn-timestamp"), s.last("time-wait-syn-refused")
			in := isn == accepted && ts == accepted && neither != accepted
			return graded(failed == 0 && in, failed == 0 || in,
				"out by ISN %d of 13 failed; SYN in by ISN %s, by time %s, else %s", failed, isn, ts, neither)
		},
	},
	{
		Number: 37, Source: "N, A", Expect: No, Tries: []string{"ports-tw-reuse", "port-exhaustion", "time-wait-reuse-syn"},
		Text:  "tcp_tw_reuse is a server-side optimisation.",
		Truth: "tcp_tw_reuse is for outgoing connect() only.",
		judge: func(s *seen) Finding {
			_, with := s.tally("ports-tw-reuse")
			_, without := s.tally("port-exhaustion")
			in, _ := s.tally("time-wait-reuse-syn")
			client, server := with < without, in < 2
			return graded(server && !client, server, "of a client's 13 fail %d without it, %d with; a server %s",
				without, with, pick(server, "needs it", "needs none"))
		},
	},
	{
		Number: 38, Source: "N, A", Expect: No, Also: []string{"tw-recycle-nat", "tw-recycle-gone"},
		Differs: Holds, Why: "lastack has the setting, to show what it broke; it is off by default",
		Text:  "tcp_tw_recycle can be set, and is not recommended.",
		Truth: "tcp_tw_recycle is gone since Linux 4.12; it broke clients behind NAT.",
		judge: func(s *seen) Finding {
			v, ok := s.settings[twRecycle]
			if !ok {
				return whether(false, "this kernel has no %s", twRecycle)
			}
			if !s.has("tw-recycle-nat") {
				return graded(false, true, "it is there, %s by default; what it breaks was not tried", v)
			}
			// Of three clients behind a NAT the second has a clock that is behind.
			second := s.got("tw-recycle-nat", 1)
			return graded(second != accepted, true, "it is there, %s by default; at 1 a client behind a NAT got %s", v, second)
		},
	},
}

// portRange is the default range of client ports.
func (s *seen) portRange() (lo, hi int, err error) {
	text := s.settings[portRange]
	if _, err := fmt.Sscan(text, &lo, &hi); err != nil {
		return 0, 0, fmt.Errorf("reading %s, which is %q, as two ports: %w", portRange, text, err)
	}
	return lo, hi, nil
}

// grep is how many sockets were in TIME_WAIT, and what the experiment's two
// commands counted.
func (s *seen) grep(name string) (there, first, second string) {
	return fmt.Sprint(s.results[name].TimeWaitClient), s.prints(name, 0), s.prints(name, 1)
}
