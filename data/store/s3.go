package store

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// bucket is a bucket of S3, of a server with its interface, or of Google Cloud Storage.
type bucket struct {
	name   string
	client *minio.Core
	google bool
}

// openS3 opens a bucket with the variables and files of AWS. AWS_ENDPOINT_URL names another server than Amazon's.
func openS3(name string) (place, error) {
	region := cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
	providers := []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}}
	o := &minio.Options{}
	endpoint := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"))
	switch {
	case endpoint != "":
		o.Region = cmp.Or(region, "us-east-1")
	case strings.HasPrefix(region, "cn-"):
		endpoint = "https://s3." + region + ".amazonaws.com.cn"
	case strings.HasPrefix(region, "us-gov-"):
		endpoint = "https://s3." + region + ".amazonaws.com"
	default: // the store tells the region of the bucket
		endpoint = "https://s3.amazonaws.com"
	}
	if os.Getenv("AWS_EC2_METADATA_DISABLED") != "true" && o.Region == "" || os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE") != "" {
		providers = append(providers, &credentials.IAM{Client: &http.Client{Timeout: 2 * time.Second}})
	}
	o.Creds = credentials.NewChainCredentials(providers)
	v, err := o.Creds.GetWithContext(&credentials.CredContext{Client: client})
	if err == nil && v.SignerType.IsAnonymous() {
		o.Creds = stranger // a chain that found nothing would search again for each request
	}
	return openBucket(name, endpoint, false, client.Transport, o)
}

// openGoogle opens a bucket of Google Cloud Storage by its XML interface, which is that of S3. It signs requests as
// Google's programs do, see [google.FindDefaultCredentials]; without credentials it asks as a stranger.
func openGoogle(name string) (place, error) {
	endpoint, through := "https://storage.googleapis.com", client.Transport
	if emulator := os.Getenv("STORAGE_EMULATOR_HOST"); emulator != "" {
		if endpoint = emulator; !strings.Contains(emulator, "://") {
			endpoint = "http://" + emulator
		}
	} else {
		ctx := context.WithValue(context.Background(), oauth2.HTTPClient, client)
		c, err := google.FindDefaultCredentials(ctx, "https://www.googleapis.com/auth/devstorage.read_only")
		if err == nil {
			through = &oauth2.Transport{Source: c.TokenSource, Base: client.Transport}
		} else if file := os.Getenv("GOOGLE_APPLICATION_CREDENTIALS"); file != "" {
			return nil, errors.New("GOOGLE_APPLICATION_CREDENTIALS: " + Redact(err.Error()))
		}
	}
	return openBucket(name, endpoint, true, through, &minio.Options{Region: "auto",
		Creds: stranger})
}

// stranger signs no request.
var stranger = credentials.New(&credentials.Static{Value: credentials.Value{SignerType: credentials.SignatureAnonymous}})

func openBucket(name, endpoint string, google bool, through http.RoundTripper, o *minio.Options) (place, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("the address of the store is " + Redact(endpoint) + ": write http://HOST:PORT or https://HOST")
	}
	o.Secure, o.Transport, o.MaxRetries = u.Scheme == "https", through, 1 // retry repeats
	if google {
		o.BucketLookup = minio.BucketLookupPath
	}
	c, err := minio.NewCore(u.Host, o)
	return bucket{name, c, google}, err
}

func (b bucket) get(key string, from, to int64) (*content, error) {
	var o minio.GetObjectOptions
	if r := rangeHeader(from, to); r != "" {
		o.Set("Range", r)
	}
	body, _, header, err := b.client.GetObject(context.Background(), b.name, key, o)
	if err != nil {
		return nil, err
	}
	return contentOf(body, header), nil
}

func (b bucket) stat(key string) (Version, error) {
	i, err := b.client.StatObject(context.Background(), b.name, key, minio.StatObjectOptions{})
	return versionFrom(i.Size, i.ETag, i.LastModified), err
}

func (b bucket) list(prefix string, deep bool, page string) (*listing, error) {
	delimiter := "/"
	if deep {
		delimiter = ""
	}
	l := new(listing)
	var objects []minio.ObjectInfo
	var folders []minio.CommonPrefix
	if b.google { // the first form of lists is the one that it documents for this interface
		r, err := b.client.ListObjects(b.name, prefix, page, delimiter, 1000)
		if err != nil {
			return nil, err
		}
		objects, folders = r.Contents, r.CommonPrefixes
		if r.IsTruncated {
			if l.next = r.NextMarker; l.next == "" && len(objects) > 0 {
				l.next = objects[len(objects)-1].Key
			}
		}
	} else {
		r, err := b.client.ListObjectsV2(b.name, prefix, "", page, delimiter, 1000)
		if err != nil {
			return nil, err
		}
		objects, folders = r.Contents, r.CommonPrefixes
		if r.IsTruncated {
			l.next = r.NextContinuationToken
		}
	}
	for _, o := range objects {
		l.objects = append(l.objects, listed{o.Key, versionFrom(o.Size, o.ETag, o.LastModified)})
	}
	for _, f := range folders {
		l.folders = append(l.folders, f.Prefix)
	}
	return l, nil
}

func (b bucket) fault(err error) fault {
	f := fault{server: b.client.EndpointURL().Host, access: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, " +
		"of one who may list and read the bucket"}
	if b.google {
		f.access = "set GOOGLE_APPLICATION_CREDENTIALS to the key file of an account that may list and read the bucket"
	}
	var e minio.ErrorResponse
	var token *oauth2.RetrieveError
	switch {
	case errors.As(err, &token):
		f.status, f.code = http.StatusUnauthorized, token.ErrorCode
	case errors.As(err, &e):
		f.status, f.code = e.StatusCode, e.Code
		switch e.Code {
		case minio.NoSuchBucket, minio.InvalidBucketName:
			f.bucket = true
		case minio.AuthorizationHeaderMalformed, minio.InvalidRegion, "PermanentRedirect", "IllegalLocationConstraintException":
			f.region = e.Region
		}
	}
	return f
}
