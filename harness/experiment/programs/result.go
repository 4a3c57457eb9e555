package programs

// Trial is one of the things that are tried.
type Trial string

// The trials.
const (
	Leaks    Trial = "leaks"
	Database Trial = "database"
	Pools    Trial = "pools"
)

// Question is what the trial asks.
func (t Trial) Question() string {
	switch t {
	case Leaks:
		return "Which servers keep a connection whose handler failed?"
	case Database:
		return "Who is in CLOSE_WAIT once a database has closed a pool's connections?"
	}
	return "How many connections do pools close, and who closes first?"
}

// Result is what a trial measured on one subject.
type Result struct {
	Trial   Trial  `json:"trial"`
	Subject string `json:"subject"`
	// Skipped says what was not tried, and why.
	Skipped  []string  `json:"skipped,omitempty"`
	Leaks    []Leak    `json:"leaks,omitempty"`
	Sessions []Session `json:"sessions,omitempty"`
	Loads    []Load    `json:"loads,omitempty"`
	Idles    []Idle    `json:"idles,omitempty"`
}

// Empty reports whether nothing was measured.
func (r *Result) Empty() bool {
	return len(r.Leaks)+len(r.Sessions)+len(r.Loads)+len(r.Idles) == 0
}

// Leak is a server whose handler failed before it closed.
type Leak struct {
	Language string `json:"language"`
	// Handler is how the handler treats its connection.
	Handler     string `json:"handler"`
	Connections int    `json:"connections"`
	// CloseWait counts the server's sockets in CLOSE_WAIT after all handlers had
	// failed, Collected those that a collection of garbage left there.
	CloseWait int `json:"close_wait"`
	Collected int `json:"close_wait_collected"`
}

// Session is a connection of a pool to the database, which ended it.
type Session struct {
	// Ended is how: "wait_timeout", or "KILL" from another session.
	Ended string `json:"ended"`
	// Check is when the pool looks whether a connection is alive: "none", "borrow" or "idle".
	Check string `json:"check"`
	// End is how the transaction ended: "leak", "commit", "rollback", or "return" for
	// one that was given back open.
	End string `json:"end"`
	// LockMS is how long another session waited for the row that the transaction changed;
	// of a session that was killed, afterwards.
	LockMS int64 `json:"lock_ms"`
	// Pool and Server are the states of the connection's sockets after that.
	Pool   string `json:"pool"`
	Server string `json:"server"`
	// Again is what came of the next use of the pool, "works" or its error, and After
	// is the state of the pool's old socket then.
	Again string `json:"again"`
	After string `json:"after"`
}

// Load is a pool under a number of requests at once.
type Load struct {
	Pool string `json:"pool"`
	// Figures: the pool has 200 connections in all, 20 a route, for 60 s.
	Figures  bool    `json:"figures"`
	AtOnce   int     `json:"at_once"`
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`
	Seconds  float64 `json:"seconds"`
	// Opened counts the connections that the server accepted, TimeWait those that the
	// client has in TIME_WAIT afterwards.
	Opened   int `json:"opened"`
	TimeWait int `json:"time_wait"`
}

// PerSecond is how many of n there were in a second of the load.
func (l *Load) PerSecond(n int) float64 {
	if l.Seconds <= 0 {
		return 0
	}
	return float64(n) / l.Seconds
}

// Idle is a pool whose connections nobody uses until both sides' limits are over.
type Idle struct {
	Pool    string `json:"pool"`
	Figures bool   `json:"figures"`
	// KeepMS is how long the pool means to keep a connection, ServerMS the server;
	// both are shortened but for Java's HttpURLConnection, which cannot be told.
	KeepMS   int64 `json:"keep_ms"`
	ServerMS int64 `json:"server_ms"`
	// ServerSeconds is the time in full that ServerMS stands for.
	ServerSeconds int `json:"server_s"`
	Opened        int `json:"opened"`
	// ClientFirst and ServerFirst count the connections that each closed first, or both at
	// once, as seen after each limit.
	ClientFirst int `json:"client_first"`
	ServerFirst int `json:"server_first"`
	// Client and Server count the sockets by state after both.
	Client map[string]int `json:"client"`
	Server map[string]int `json:"server"`
	// Failed counts the requests that failed then, of as many as there had been
	// connections, and Reopened the connections that the others made.
	Failed   int `json:"failed"`
	Reopened int `json:"reopened"`
}
