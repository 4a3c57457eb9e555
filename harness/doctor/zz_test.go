package doctor
import ("testing";"time";"context";"lastack/harness/lab/labtest")
func TestZZ(t *testing.T) {
	if !labtest.Inside(t) { return }
	var worst time.Duration
	for i := range 600 {
		for _, tr := range trials()[:2] {
			ctx, c := context.WithTimeout(t.Context(), 20*time.Second)
			st := time.Now()
			f := tr.try(ctx)
			d := time.Since(st); c()
			if d > worst { worst = d }
			if d > time.Second || f.status != OK { t.Errorf("%d %v %s %+v", i, d, tr.name, f) }
		}
	}
	t.Log("worst", worst)
}
