package awstest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"strings"
)

// PutObject puts an object into a bucket.
func (a *AWS) PutObject(bucket, key string, content []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects[bucket+"/"+key] = content
}

// Object returns an object of a bucket; nil: there isn't one.
func (a *AWS) Object(bucket, key string) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.objects[bucket+"/"+key]
}

// s3 answers GetObject and PutObject, which alone are known here: a bucket in the path, for an
// address of numbers has no subdomains.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
func (a *AWS) s3(w http.ResponseWriter, r *http.Request, body []byte) {
	operation := r.URL.Query().Get("x-id")
	key := strings.TrimPrefix(r.URL.Path, "/")
	sum := sha256.Sum256(body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, operation)
	object, ok := a.objects[key]
	fail := func(status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName       xml.Name `xml:"Error"`
			Code, Message string
		}{Code: code, Message: "the double says so"})
	}
	known := map[string]string{"GetObject": http.MethodGet, "PutObject": http.MethodPut}
	switch {
	case known[operation] != r.Method || r.URL.RawQuery != "x-id="+operation ||
		operation == "GetObject" && len(body) > 0:
		fail(http.StatusNotImplemented, "NotImplemented")
	case r.Header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(sum[:]):
		fail(http.StatusBadRequest, "XAmzContentSHA256Mismatch")
	case a.refuse[operation] != "":
		fail(http.StatusForbidden, a.refuse[operation])
	case operation == "PutObject" && r.Header.Get("If-None-Match") == "*" && ok:
		fail(http.StatusPreconditionFailed, "PreconditionFailed")
	case operation == "PutObject":
		a.objects[key] = body
	case !ok:
		fail(http.StatusNotFound, "NoSuchKey")
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(object)
	}
}
