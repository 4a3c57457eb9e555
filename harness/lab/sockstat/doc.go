// Package sockstat is what ss(8) knows about a list of TCP sockets, without the
// kernel that ss asks for them: states and their spellings, filters, the table,
// the summary, and how many local ports are left toward each destination.
//
//	a host (control API) --\
//	                        Socket --> Filter --> Table     as ss prints it
//	the kernel (inet_diag) -/     \
//	                               --> Ports --> Destination --> Forecast
//
//	f, err := sockstat.ParseFilter([]string{"state", "time-wait", "dport", "=", ":80"})
//	t := sockstat.NewTable(os.Stdout, sockstat.TableOptions{})
//	if f.Match(&s) {
//		t.Add(&s)
//	}
//
// It is pure: sockets and times come in, text and numbers come out.
package sockstat
