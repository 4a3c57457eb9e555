package ladder

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestStyleContrast: text can be told from what is behind it, at 4.5 to 1 as WCAG
// 2 has it, and a lifeline from the page at 3 to 1, in light and in dark.
func TestStyleContrast(t *testing.T) {
	light, dark, found := strings.Cut(Style, "@media screen and (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("there is nothing for who prefers dark")
	}
	for _, tt := range []struct{ name, css, page string }{{"light", light, "#ffffff"}, {"dark", dark, "#0d1117"}} {
		for _, property := range []string{"ink", "faint", "fin", "rst"} {
			if c := contrast(t, value(t, tt.css, ".ladder", property), tt.page); c < 4.5 {
				t.Errorf("%s: --%s has a contrast of %.2f", tt.name, property, c)
			}
		}
		for _, state := range States() {
			colour := value(t, tt.css, "."+state, "state")
			if c := contrast(t, colour, value(t, tt.css, "."+state, "on-state")); c < 4.5 {
				t.Errorf("%s: text on %s has a contrast of %.2f", tt.name, state, c)
			}
			if c := contrast(t, colour, tt.page); c < 3 {
				t.Errorf("%s: the line of %s has a contrast of %.2f", tt.name, state, c)
			}
		}
	}
}

// value is that of a custom property in the first rule of a class.
func value(t *testing.T, css, class, property string) string {
	t.Helper()
	m := regexp.MustCompile(regexp.QuoteMeta(class) + ` \{[^}]*--` + property + `: (#[0-9a-f]{6});`).FindStringSubmatch(css)
	if m == nil {
		t.Fatalf("%s has no --%s", class, property)
	}
	return m[1]
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance is WCAG's relative luminance of "#rrggbb".
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}
