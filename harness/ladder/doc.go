// Package ladder draws a connection as text: time and states downwards, the
// segments as arrows between client and server, and under an arrow a few words
// about it, where there is something to say.
//
//	teardown.Report --Render--> string
//
// A line is as wide as Config says, 80 columns by default, in plain ASCII unless
// colours are asked for. Times are in milliseconds since the first FIN or RST, or
// since the first segment where there is neither. A state is shown where it
// changes. The handshake is one line where nothing is remarkable about it, and so
// are data and their ACKs, unless Config.Full.
//
// The package does not look at packets, and does not decide anything: it shows
// what the report says.
package ladder
