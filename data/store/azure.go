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

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// azure is a container of Azure Blob Storage.
type azure struct{ client *container.Client }

const azureAccess = "set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or " +
	"AZURE_STORAGE_SAS_TOKEN, or log in with az login"

// openAzure opens a container with the variables of Azure's programs. Without a key it uses the identity that
// [azidentity.NewDefaultAzureCredential] finds.
func openAzure(name string) (place, error) {
	plain := azcore.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: -1}} // retry repeats
	options := &container.ClientOptions{ClientOptions: plain}
	if text := os.Getenv("AZURE_STORAGE_CONNECTION_STRING"); text != "" {
		c, err := container.NewClientFromConnectionString(text, name, options)
		if err != nil {
			err = errors.New("AZURE_STORAGE_CONNECTION_STRING cannot be read: copy it from the page of the account")
		}
		return azure{c}, err
	}
	account := os.Getenv("AZURE_STORAGE_ACCOUNT")
	if account == "" {
		return nil, errors.New("the account of the container is not known: " + azureAccess)
	}
	address := "https://" + account + "." + cmp.Or(os.Getenv("AZURE_STORAGE_DOMAIN"), "blob.core.windows.net") + "/" + name
	if key := os.Getenv("AZURE_STORAGE_KEY"); key != "" {
		k, err := container.NewSharedKeyCredential(account, key)
		if err != nil {
			return nil, errors.New("AZURE_STORAGE_KEY is no key: copy it from the page of the account")
		}
		c, err := container.NewClientWithSharedKeyCredential(address, k, options)
		return azure{c}, err
	}
	if sas := os.Getenv("AZURE_STORAGE_SAS_TOKEN"); sas != "" {
		c, err := container.NewClientWithNoCredential(address+"?"+strings.TrimPrefix(sas, "?"), options)
		return azure{c}, err
	}
	identity, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: plain})
	if err != nil {
		return nil, errors.New("no identity was found: " + azureAccess)
	}
	c, err := container.NewClient(address, identity, options)
	return azure{c}, err
}

func (a azure) get(key string, from, to int64) (*content, error) {
	var response *http.Response
	ctx := policy.WithCaptureResponse(context.Background(), &response)
	o := &blob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: from}}
	if to >= 0 {
		o.Range.Count = to - from
	}
	r, err := a.client.NewBlobClient(key).DownloadStream(ctx, o)
	if err != nil {
		return nil, err
	}
	return contentOf(r.Body, response.Header), nil
}

func (a azure) stat(key string) (Version, error) {
	r, err := a.client.NewBlobClient(key).GetProperties(context.Background(), nil)
	if err != nil {
		return Version{}, err
	}
	return azureVersion(r.ContentLength, r.ETag, r.LastModified), nil
}

func azureVersion(size *int64, etag *azcore.ETag, modified *time.Time) Version {
	if size == nil || etag == nil || modified == nil {
		return Version{Size: unknown}
	}
	return versionFrom(*size, string(*etag), *modified)
}

func (a azure) list(prefix string, deep bool, page string) (*listing, error) {
	l := new(listing)
	var items []*container.BlobItem
	var next *string
	var marker *string
	if page != "" {
		marker = &page
	}
	if deep {
		r, err := a.client.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{Prefix: &prefix, Marker: marker}).
			NextPage(context.Background())
		if err != nil {
			return nil, err
		}
		items, next = r.Segment.BlobItems, r.NextMarker
	} else {
		r, err := a.client.NewListBlobsHierarchyPager("/",
			&container.ListBlobsHierarchyOptions{Prefix: &prefix, Marker: marker}).NextPage(context.Background())
		if err != nil {
			return nil, err
		}
		items, next = r.Segment.BlobItems, r.NextMarker
		for _, p := range r.Segment.BlobPrefixes {
			l.folders = append(l.folders, *p.Name)
		}
	}
	for _, i := range items {
		p := i.Properties
		l.objects = append(l.objects, listed{*i.Name, azureVersion(p.ContentLength, p.ETag, p.LastModified)})
	}
	if next != nil {
		l.next = *next
	}
	return l, nil
}

func (a azure) fault(err error) fault {
	f := fault{access: azureAccess}
	if u, err := url.Parse(a.client.URL()); err == nil {
		f.server = u.Host
	}
	var r *azcore.ResponseError
	var failed *azidentity.AuthenticationFailedError
	var none interface{ NonRetriable() } // no identity was found
	switch {
	case errors.As(err, &failed), errors.As(err, &none) && !errors.As(err, &r):
		f.status, f.code = http.StatusUnauthorized, "NoIdentity"
	case errors.As(err, &r):
		f.status, f.code, f.bucket = r.StatusCode, r.ErrorCode, r.ErrorCode == string(bloberror.ContainerNotFound)
	}
	return f
}
