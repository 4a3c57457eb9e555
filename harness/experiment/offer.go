package experiment

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lastack/harness/app"
)

// Offer is an app that a program serves: PORT=KIND, with options as for lastack serve
// --app, or a kind alone, of which the program is told port and options.
type Offer app.Spec

func (o *Offer) parse(text string) error {
	if !strings.Contains(text, "=") {
		// Kinds are known by a spec that has a port.
		spec, err := app.ParseSpec("1=" + text)
		if err != nil {
			return fmt.Errorf("there is no app %s; %s", quote(text), suggest(text, appKinds()))
		}
		*o = Offer{Kind: spec.Kind}
		return nil
	}
	spec, err := app.ParseSpec(text)
	*o = Offer(spec)
	return err
}

func (Offer) describe() (what, pattern string) {
	kinds := strings.Join(appKinds(), "|")
	return "PORT=KIND, such as 8002=slow-closer,delay=60ms, or KIND, which is " + strings.ReplaceAll(kinds, "|", ", "),
		"^([0-9]+=)?(" + kinds + ")(,[a-z]+=[^,]+)*$"
}

// String is the offer as the file has it.
func (o Offer) String() string {
	if o.Port == 0 {
		return o.Kind
	}
	return app.Spec(o).String()
}

// wait is a time that is waited for at most.
type wait time.Duration

func (w *wait) parse(text string) error {
	t, err := time.ParseDuration(text)
	if err != nil || t <= 0 || t > mostWithin {
		return fmt.Errorf("%s is not a time up to %v; want such as 10s", quote(text), mostWithin)
	}
	*w = wait(t)
	return nil
}

func (wait) describe() (what, pattern string) {
	return "a time, such as 10s", `^[0-9.]+(ms|s|m)$`
}

// Feature is something that a stack may not have.
type Feature string

// The features that a stack may not have. No experiment needs ipv6, window-scale or sack
// as yet.
const (
	DelayedACK  Feature = "delayed-ack"
	FastOpen    Feature = "fast-open"
	Timestamps  Feature = "timestamps"
	IPv6        Feature = "ipv6"
	WindowScale Feature = "window-scale"
	SACK        Feature = "sack"
)

var features = []string{string(DelayedACK), string(FastOpen), string(Timestamps), string(IPv6), string(WindowScale), string(SACK)}

func (f *Feature) parse(text string) error {
	if !slices.Contains(features, text) {
		return fmt.Errorf("there is no %s to lack; %s", quote(text), suggest(text, features))
	}
	*f = Feature(text)
	return nil
}

func (Feature) describe() (what, pattern string) {
	return "one of " + strings.Join(features, ", "), "^(" + strings.Join(features, "|") + ")$"
}
