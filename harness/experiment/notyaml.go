package experiment

import (
	"regexp"
	"strconv"
	"strings"
)

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// notYAML words what the YAML library found wrong. The flag of lastack run describes what
// should be in the file.
func notYAML(file string, err error, flag string) error {
	if err == nil || err.Error() == "EOF" {
		return &SyntaxError{File: file, Why: "there is nothing in it; lastack run " + flag + " tells the format"}
	}
	why, line := strings.TrimPrefix(err.Error(), "yaml: "), 0
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1]) // digits, by the expression
		why = strings.TrimPrefix(err.Error(), m[0])
	}
	for _, h := range hints {
		if strings.Contains(why, h.complaint) {
			why += "; " + h.hint
		}
	}
	return &SyntaxError{File: file, Line: line, Why: "not YAML: " + why}
}

// colonHint is for what YAML takes for a field though it is a text.
const colonHint = "put a text with a colon and a blank in it in single quotes"

// hints say what a complaint of the YAML library most often comes from.
var hints = []struct{ complaint, hint string }{
	{"mapping values", colonHint},
	{"cannot start any token", "indent with blanks, not with tabs, and put a text that begins with a sign such as @ or % in single quotes"},
	{"did not find expected key", "in what begins there, a line is indented unlike those beside it"},
	{"did not find expected '-' indicator", "in the list that begins there, a line is indented unlike those beside it"},
	{"did not find expected ','", "a bracket or brace that opens there is not closed"},
	{"unexpected end of stream", "a quote is not closed"},
}
