package web

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"lastack/harness/teardown"
)

// phrase is a text about closes in Chinese. The English had %s for what is filled in, between its
// parts; the Chinese has {1} for the first of those.
type phrase struct {
	parts   []string
	chinese string
}

// vocabulary are all phrases: those without places by their English, and the others, those that
// say most first.
type vocabulary struct {
	whole  map[string]string
	filled []phrase
}

var chinese = sync.OnceValue(func() *vocabulary {
	var texts map[string]string
	b, err := assets.ReadFile("assets/zh-closes.json")
	if err == nil {
		err = json.Unmarshal(b, &texts)
	}
	if err != nil {
		return &vocabulary{} // TestChineseCloses has the reason
	}
	v := &vocabulary{whole: map[string]string{}}
	english := slices.SortedFunc(maps.Keys(texts), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	for _, e := range english {
		if parts := strings.Split(e, "%s"); len(parts) > 1 {
			v.filled = append(v.filled, phrase{parts, texts[e]})
		} else {
			v.whole[e] = texts[e]
		}
	}
	return v
})

// wantsChinese reports whether the page that asks speaks Chinese.
func wantsChinese(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Accept-Language"), "zh")
}

// inChinese is a report whose sentences are Chinese, as far as they can be; it shares nothing
// that is changed with the other.
func inChinese(r *teardown.Report) *teardown.Report {
	out := *r
	out.Reason = sayChinese(r.Reason)
	out.Segments = append([]teardown.Line(nil), r.Segments...)
	for i := range out.Segments {
		out.Segments[i].Why = sayChinese(out.Segments[i].Why)
	}
	return &out
}

// sayChinese is a sentence or a note in Chinese, or as it was where a part of it has no
// translation.
func sayChinese(text string) string {
	if text == "" {
		return ""
	}
	sentence, stop := text, ""
	if s, ok := strings.CutSuffix(text, "."); ok {
		sentence, stop = s, "。"
	}
	t := translation{vocabulary: chinese(), known: map[string]*string{}}
	if out, ok := t.say(sentence); ok {
		return apart(out) + stop
	}
	return text
}

// translation is one sentence under way: what is known of its parts so far.
type translation struct {
	*vocabulary
	known map[string]*string
	tries int
}

// mostTries bounds how many ways to read a text are tried. A sentence of harness/teardown takes
// up to a few hundred.
const mostTries = 20_000

// longestSaid bounds what is translated, in bytes: sentences of harness/teardown are shorter.
const longestSaid = 600

// say translates a part of a sentence, or fails.
func (t *translation) say(text string) (string, bool) {
	if out, ok := t.known[text]; ok {
		if out == nil {
			return "", false
		}
		return *out, true
	}
	if len(text) > longestSaid {
		return "", false
	}
	t.known[text] = nil
	out, ok := t.work(text)
	if ok = ok && out != ""; ok {
		t.known[text] = &out
	}
	return out, ok
}

func (t *translation) work(text string) (string, bool) {
	if out, ok := t.whole[text]; ok {
		return out, true
	}
	if out, ok := t.figure(text); ok {
		return out, true
	}
	for i := range t.filled {
		p := &t.filled[i]
		if !strings.HasPrefix(text, p.parts[0]) || !strings.HasSuffix(text, p.parts[len(p.parts)-1]) {
			continue
		}
		if values, ok := t.fit(p.parts[1:], text[len(p.parts[0]):]); ok {
			return fill(p.chinese, values), true
		}
	}
	// What happened besides follows the sentence.
	for i := strings.LastIndex(text, "; "); i > 0; i = strings.LastIndex(text[:i], "; ") {
		before, ok := t.say(text[:i])
		if !ok {
			continue
		}
		if after, ok := t.say(text[i:]); ok {
			return before + after, true
		}
	}
	return "", false
}

// fit finds what stands before each of the parts of a phrase, in Chinese. Where nothing parts two
// values the first has as much as it can.
func (t *translation) fit(parts []string, text string) (values []string, ok bool) {
	if len(parts) == 1 { // the end
		value, ok := t.value(strings.TrimSuffix(text, parts[0]))
		return []string{value}, ok && strings.HasSuffix(text, parts[0])
	}
	at := func(end int) bool {
		if !strings.HasPrefix(text[end:], parts[0]) || t.tries > mostTries {
			return false
		}
		t.tries++
		value, ok := t.value(text[:end])
		if !ok {
			return false
		}
		rest, ok := t.fit(parts[1:], text[end+len(parts[0]):])
		values = append([]string{value}, rest...)
		return ok
	}
	for i := range len(text) + 1 {
		if parts[0] == "" {
			i = len(text) - i
		}
		if at(i) {
			return values, true
		}
	}
	return nil, false
}

// value is what is filled in, which may be nothing.
func (t *translation) value(text string) (string, bool) {
	if text == "" {
		return "", true
	}
	return t.say(text)
}

// fill puts values in their places.
func fill(text string, values []string) string {
	for i, v := range values {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i+1)+"}", v)
	}
	return text
}

// besideHan are the places where Chinese and other letters or figures meet.
var besideHan = regexp.MustCompile(`(\p{Han})([A-Za-z0-9])|([A-Za-z0-9])(\p{Han})`)

// apart puts a space between Chinese and what is beside it, as is usual.
func apart(text string) string {
	for range 2 { // a single letter between two has both
		text = besideHan.ReplaceAllString(text, "$1$3 $2$4")
	}
	return text
}

var (
	duration = regexp.MustCompile(`^(under )?(-?[0-9.]+) (ms|s)$`)
	counted  = regexp.MustCompile(`^([0-9,]+) ([a-zA-Z -]+?)s?$`)
	sameName = regexp.MustCompile(`^([A-Z_0-9]+|[0-9,]+|[0-9a-fA-F.:\[\]%]+)$`) // a state, a number, an address
)

// figure translates what is a number of something, and leaves names alone.
func (t *translation) figure(text string) (string, bool) {
	if m := duration.FindStringSubmatch(text); m != nil {
		out := m[2] + map[string]string{"ms": "毫秒", "s": "秒"}[m[3]]
		if m[1] != "" {
			out = "不到" + out
		}
		return out, true
	}
	if m := counted.FindStringSubmatch(text); m != nil {
		if noun, ok := t.whole[m[2]]; ok {
			if noun != "字节" {
				noun = "个" + noun
			}
			return m[1] + noun, true
		}
	}
	return text, sameName.MatchString(text)
}
