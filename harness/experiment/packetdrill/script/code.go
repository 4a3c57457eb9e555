package script

// Code is a block "%{ ... }%": statements about TCP_INFO, in the small part of
// Python that scripts use. See [Code.Run].
type Code struct {
	Pos  Pos
	Text string
	// Statements are what Text says; their types are the package's own.
	Statements []Statement
}

// Statement is an assert, an assignment or a print.
type Statement interface{ statement() }

// Env is what statements read and write. A runner keeps one for a script, as
// variables live from one block to the next.
type Env struct {
	// Lookup returns the value of a field of TCP_INFO ("tcpi_state"); false if there is
	// none.
	Lookup func(name string) (int64, bool)
	// Vars are the variables that statements assigned.
	Vars map[string]int64
}
