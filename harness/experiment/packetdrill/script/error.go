package script

// Error is what is wrong with a script, and where.
type Error struct {
	Pos Pos
	// Text is one line. Parts of the script in it are quoted.
	Text string
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Text }
