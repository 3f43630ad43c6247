package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/firebreak-dev/firebreak/app/naming"
	"github.com/firebreak-dev/firebreak/app/oncall"
)

// errByHand is returned where a file's covers are written in a way that is not changed line by line.
var errByHand = errors.New("its covers are not a list with a line for each: change the file by hand")

// AddCovers returns the file with covers at the end of its list. Everything else in it stays as it is,
// comments and layout included. Covers that it has already are not added again.
func AddCovers(content []byte, covers []oncall.Cover) ([]byte, error) {
	schedule, err := ParseOnCall(content)
	if err != nil {
		return nil, err
	}
	covers = slices.DeleteFunc(slices.Clone(covers), func(c oncall.Cover) bool {
		return slices.ContainsFunc(schedule.Covers, func(o oncall.Cover) bool { return IsSameCover(c, o) })
	})
	if len(covers) == 0 {
		return content, nil
	}
	file, err := coversOf(content)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, c := range covers {
		r, ok := schedule.Find(c.Rotation)
		if !ok {
			return nil, fmt.Errorf("there is no rotation %s any more", c.Rotation)
		}
		lines = append(lines, file.indent+"- "+coverEntry(c, r))
	}
	if file.list == nil {
		lines = append([]string{"covers:"}, lines...)
	}
	changed := file.join(slices.Insert(file.lines, file.end, lines...))
	return changed, checkEdit(changed, len(schedule.Covers)+len(covers))
}

// RemoveCovers returns the file without some covers. Everything else in it stays as it is.
func RemoveCovers(content []byte, covers []oncall.Cover) ([]byte, error) {
	schedule, err := ParseOnCall(content)
	if err != nil {
		return nil, err
	}
	file, err := coversOf(content)
	if err != nil {
		return nil, err
	}
	isGone := func(o oncall.Cover) bool {
		return slices.ContainsFunc(covers, func(c oncall.Cover) bool { return IsSameCover(c, o) })
	}
	left, lines := 0, slices.Clone(file.lines)
	for i, c := range slices.Backward(schedule.Covers) {
		if !isGone(c) {
			left++
			continue
		}
		begin, _ := position(file.list.Values[i])
		end := file.end
		if i+1 < len(file.list.Values) {
			next, _ := position(file.list.Values[i+1])
			end = file.lastOf(next - 1)
		}
		lines = slices.Delete(lines, begin-1, min(end, len(lines)))
	}
	switch {
	case left == len(schedule.Covers):
		return content, nil
	case left == 0: // an empty list says nothing
		lines = slices.Delete(lines, file.key-1, file.key)
	}
	changed := file.join(lines)
	return changed, checkEdit(changed, left)
}

// IsSameCover reports whether two covers say the same, wherever a file has them.
func IsSameCover(a, b oncall.Cover) bool {
	return naming.Equal(a.Rotation, b.Rotation) && a.From.Equal(b.From) && a.Until.Equal(b.Until) &&
		naming.Equal(a.Who, b.Who) && naming.Equal(a.For, b.For)
}

// checkEdit returns an error unless an edited file can be used and has so many covers.
func checkEdit(content []byte, covers int) error {
	schedule, err := ParseOnCall(content)
	if err != nil {
		return err
	}
	if len(schedule.Covers) != covers {
		return errByHand
	}
	return nil
}

// coverLines is a file in lines, with the place of its covers.
type coverLines struct {
	lines   []string
	newline string
	list    *ast.SequenceNode // nil: the file has none
	key     int               // line of its name, from 1
	end     int               // lines before the end of the list
	indent  string
}

func (f coverLines) join(lines []string) []byte {
	return []byte(strings.Join(lines, f.newline) + f.newline)
}

// lastOf returns the last line up to a number that is neither blank nor a comment.
func (f coverLines) lastOf(line int) int {
	for line = min(line, len(f.lines)); line > 0; line-- {
		text := strings.TrimSpace(f.lines[line-1])
		if text != "" && !strings.HasPrefix(text, "#") {
			break
		}
	}
	return line
}

func coversOf(content []byte) (f coverLines, err error) {
	f.newline = "\n"
	if bytes.Contains(content, []byte("\r\n")) {
		f.newline = "\r\n"
	}
	text := strings.TrimRight(strings.ReplaceAll(string(content), "\r\n", "\n"), "\n")
	f.lines = strings.Split(text, "\n")
	f.end = len(f.lines)
	root, err := document(content)
	if err != nil {
		return f, err
	}
	mapping, ok := root.(*ast.MappingNode)
	values := []*ast.MappingValueNode{}
	switch one := root.(type) {
	case *ast.MappingValueNode:
		values = append(values, one)
	case *ast.MappingNode:
		values = one.Values
	}
	if ok && mapping.IsFlowStyle || len(values) == 0 {
		return f, errByHand
	}
	for i, v := range values {
		if name, _ := scalar(v.Key); name != "covers" {
			continue
		}
		list, ok := v.Value.(*ast.SequenceNode)
		if !ok || list.IsFlowStyle || len(list.Values) == 0 {
			return f, errByHand
		}
		f.list = list
		f.key, _ = position(v.Key)
		f.end = f.lastOf(len(f.lines))
		if i+1 < len(values) {
			next, _ := position(values[i+1].Key)
			f.end = f.lastOf(next - 1)
		}
		first, _ := position(list.Values[0])
		line := f.lines[first-1]
		f.indent = line[:len(line)-len(strings.TrimLeft(line, " "))]
		if !strings.HasPrefix(strings.TrimLeft(line, " "), "-") {
			return f, errByHand
		}
	}
	return f, nil
}

// coverEntry writes a cover as one line.
func coverEntry(c oncall.Cover, r oncall.Rotation) string {
	text := fmt.Sprintf("{ rotation: %s, from: %s, until: %s, who: %s", r.Name, momentText(c.From, r.Zone),
		momentText(c.Until, r.Zone), quoted(c.Who))
	if c.For != "" {
		text += ", for: " + quoted(c.For)
	}
	return text + " }"
}

func quoted(name string) string {
	if oncall.IsPerson(name) {
		return `"` + name + `"`
	}
	return name
}

// momentText writes a time as the rotation's clocks show it, or in UTC where they show it twice.
func momentText(at time.Time, zone *time.Location) string {
	text := at.In(zone).Format("2006-01-02 15:04")
	if same, ok := ParseMoment(text, zone); ok && same.Equal(at) {
		return text
	}
	return at.UTC().Format("2006-01-02T15:04Z")
}
