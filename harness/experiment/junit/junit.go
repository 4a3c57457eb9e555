// Package junit is the XML in which build servers read results of tests.
package junit

import (
	"encoding/xml"
	"io"
)

// Suites is a document of several suites, with their sums.
type Suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Suites   []Suite  `xml:"testsuite"`
}

// Suite is a document of its own, or one of Suites.
type Suite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Cases    []Case   `xml:"testcase"`
}

// Case is one test, passed if it has no Why. Seconds are a decimal number.
type Case struct {
	Name    string `xml:"name,attr"`
	Class   string `xml:"classname,attr"`
	Seconds string `xml:"time,attr"`
	Failure *Why   `xml:"failure"`
	Error   *Why   `xml:"error"`
	Skipped *Why   `xml:"skipped"`
}

// Why says in a line why a test did not pass, and may have more in its Text.
type Why struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// Write writes a *Suites or a *Suite.
func Write(w io.Writer, doc any) error {
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
