using System.Net;
using System.Net.Sockets;

namespace Metering.Gateway.Forwarding;

/// <summary>The model hosts, and which of them a request goes to.</summary>
internal sealed class Upstreams : IDisposable
{
    private readonly HttpMessageInvoker _client;

    public Upstreams(GatewayOptions options)
    {
        _client = new HttpMessageInvoker(Handler(options));
        All = [.. options.Upstreams.Select(upstream => new Upstream(upstream, _client))];
    }

    /// <summary>The first is the default.</summary>
    public IReadOnlyList<Upstream> All { get; }

    /// <summary>The host for a model, and the model's name there: <c>NAME/model</c> goes to NAME, anything else to the default.</summary>
    public (Upstream Upstream, string Model) Find(string model)
    {
        var slash = model.IndexOf('/', StringComparison.Ordinal);
        if (slash > 0 && slash < model.Length - 1)
        {
            foreach (var upstream in All)
            {
                if (model.AsSpan(0, slash).SequenceEqual(upstream.Name))
                    return (upstream, model[(slash + 1)..]);
            }
        }
        return (All[0], model);
    }

    public void Dispose() => _client.Dispose();

    private static SocketsHttpHandler Handler(GatewayOptions options) => new()
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        UseProxy = false,
        ActivityHeadersPropagator = null, // trace headers pass as the client sent them
        ConnectTimeout = options.ConnectTimeout,
        MaxResponseHeadersLength = 64,
        // Finds a host's new addresses; an idle connection goes before most hosts close it, which would cost a request.
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
        // An answer that is given up costs its connection: draining it would let the host go on.
        ResponseDrainTimeout = TimeSpan.Zero,
        ConnectCallback = ConnectAsync,
    };

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        // Without delay: a request's last bytes must not wait for the acknowledgement of its first.
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
