using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Requests;

/// <summary>Reads a request's body into one array: it is parsed, changed and sent as a whole.</summary>
internal static class BodyReader
{
    private const int FirstBytes = 4096;

    /// <summary>Null when it is larger than allowed.</summary>
    /// <exception cref="BadHttpRequestException">The client sends it too slowly, or not as HTTP.</exception>
    public static async ValueTask<PooledBytes?> ReadAsync(HttpRequest request, int maxBytes, CancellationToken cancellationToken)
    {
        if (request.ContentLength > maxBytes)
            return null;
        var body = new PooledBytes((int)(request.ContentLength ?? FirstBytes));
        var reader = request.BodyReader;
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(cancellationToken);
                if (body.Length + read.Buffer.Length > maxBytes)
                {
                    reader.AdvanceTo(read.Buffer.End);
                    body.Dispose();
                    return null;
                }
                foreach (var segment in read.Buffer)
                    body.Write(segment.Span);
                reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                    return body;
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }
}
