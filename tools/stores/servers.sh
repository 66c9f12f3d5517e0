# Starts local servers of three object stores in DIR, and sets the variables that name them: source it with a folder.
# They end with: kill $STORES_PIDS
mkdir -p "$1/s3" "$1/azure"
GOBIN="$1" go install github.com/versity/versitygw/cmd/versitygw@v1.8.0
GOBIN="$1" go install github.com/fsouza/fake-gcs-server@v1.56.1
npm install --silent --prefix "$1" azurite@3.35.0

ROOT_ACCESS_KEY=fovea ROOT_SECRET_KEY=foveasecret "$1/versitygw" --port 127.0.0.1:17070 posix "$1/s3" > "$1/s3.log" 2>&1 &
STORES_PIDS=$!
"$1/fake-gcs-server" -scheme http -host 127.0.0.1 -port 17071 -backend memory -public-host 127.0.0.1:17071 \
	> "$1/gcs.log" 2>&1 &
STORES_PIDS="$STORES_PIDS $!"
"$1/node_modules/.bin/azurite-blob" --blobPort 17072 --location "$1/azure" --silent --skipApiVersionCheck \
	> "$1/azure.log" 2>&1 &
STORES_PIDS="$STORES_PIDS $!"

export AWS_ENDPOINT_URL=http://127.0.0.1:17070 AWS_ACCESS_KEY_ID=fovea AWS_SECRET_ACCESS_KEY=foveasecret
export STORAGE_EMULATOR_HOST=127.0.0.1:17071
# the account that every Azurite has
export AZURE_STORAGE_CONNECTION_STRING='DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:17072/devstoreaccount1;'
