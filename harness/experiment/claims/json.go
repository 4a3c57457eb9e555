package claims

import (
	"lastack/harness/experiment"
	"lastack/harness/experiment/programs"
)

// Document is the Report as JSON.
type Document struct {
	Claims []Row `json:"claims"`
	// Results are those of all experiments, the kernel's first.
	Results []experiment.Result `json:"results"`
	// Programs are what real applications did, the kernel's first.
	Programs []programs.Result `json:"programs"`
	// Altered is what was set or done to the wire beside what the experiments say.
	Altered    []string `json:"altered,omitempty"`
	AsExpected bool     `json:"as_expected"`
	// Interrupted: the work was interrupted, and the rest of the claims is missing.
	Interrupted bool `json:"interrupted,omitempty"`
}

// Row is a claim in the Document.
type Row struct {
	Number      int      `json:"number"`
	Claim       string   `json:"claim"`
	Source      string   `json:"source"`
	Truth       string   `json:"truth"`
	Experiments []string `json:"experiments"`
	// Outcomes are by subject.
	Outcomes map[string]Outcome `json:"outcomes"`
}

// Cut is the Document about what was tried until the work was interrupted.
func (r *Report) Cut() *Document {
	d := r.Document()
	d.Interrupted, d.AsExpected = true, false
	return d
}

// Document makes it.
func (r *Report) Document() *Document {
	d := &Document{Claims: []Row{}, Results: []experiment.Result{}, Programs: []programs.Result{}, AsExpected: r.AsExpected(), Altered: r.Altered}
	for i, c := range r.Claims {
		row := Row{c.Number, c.Text, c.Source, c.Truth, c.names(), map[string]Outcome{}}
		if row.Experiments == nil {
			row.Experiments = []string{}
		}
		for j, o := range r.Outcomes[i] {
			row.Outcomes[r.Subjects[j].Name] = o
		}
		d.Claims = append(d.Claims, row)
	}
	for i := range r.Subjects {
		d.Results = append(d.Results, r.Subjects[i].Results...)
		d.Programs = append(d.Programs, r.Subjects[i].Programs...)
	}
	return d
}
