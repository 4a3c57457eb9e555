// Package term holds what every command needs that prints: Quote, for text that somebody
// else chose, and Output, a writer that remembers its first error.
//
//	out := term.NewOutput(os.Stdout, stop)
//	fmt.Fprintf(out, "%s (%d)\n", term.Quote(process.Name), process.ID)
//	if err := out.Err(); err != nil {
//		return err
//	}
//
// It does not know what a terminal is, and draws nothing.
package term
