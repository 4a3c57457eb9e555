// Package ladder draws a connection: time and states downwards, the segments as
// arrows between client and server, and under an arrow a few words about it, where
// there is something to say.
//
//	teardown.Report --Render--------> text for a terminal
//	                --SVG-----------> a picture for a page
//	                --Mermaid-------> a sequence diagram for Markdown
//	                --StateDiagram--> both sides' ways through RFC 9293's states
//
// A line of text is as wide as Config says, 80 columns by default, in plain ASCII unless
// colours are asked for. Times are in milliseconds since the first FIN or RST, or since
// the first segment where there is neither. A state is shown where it changes. The
// handshake is one line where nothing is remarkable about it, and so are data and their
// ACKs, unless Config.Full. All drawings of a connection show the same, except that a
// state diagram shows only segments that changed a state.
//
// The package does not look at packets, and does not decide anything: it draws the
// report.
package ladder
