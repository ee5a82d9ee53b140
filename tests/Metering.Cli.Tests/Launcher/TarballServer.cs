using System.Globalization;
using System.Net;

namespace Metering.Cli.Tests.Launcher;

/// <summary>A package registry's file server with Range requests, that can break off on demand.</summary>
internal sealed class TarballServer : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly byte[] _tarball;
    private readonly Task _loop;

    public TarballServer(byte[] tarball)
    {
        _tarball = tarball;
        // HttpListener takes no port 0: try until one is free.
        for (var attempt = 0; ; attempt++)
        {
            var port = Random.Shared.Next(29_100, 32_000);
            Url = FormattableString.Invariant($"http://127.0.0.1:{port}/");
            _listener.Prefixes.Clear();
            _listener.Prefixes.Add(Url);
            try
            {
                _listener.Start();
                break;
            }
            catch (HttpListenerException) when (attempt < 20)
            {
            }
        }
        _loop = Task.Run(ServeAsync);
    }

    public string Url { get; }

    /// <summary>First bytes asked for, one entry a request.</summary>
    public List<long> Starts { get; } = [];

    /// <summary>How many answers from now on break off half-way.</summary>
    public int BreaksLeft { get; set; }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _loop;
        _listener.Close();
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return; // stopped
            }
            await AnswerAsync(context);
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        var range = context.Request.Headers["Range"];
        var start = range is null ? 0 : long.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture);
        Starts.Add(start);
        var response = context.Response;
        if (start >= _tarball.Length)
        {
            response.StatusCode = 416;
            response.Close();
            return;
        }
        response.StatusCode = range is null ? 200 : 206;
        response.Headers["Content-Range"] = FormattableString.Invariant($"bytes {start}-{_tarball.Length - 1}/{_tarball.Length}");
        response.ContentLength64 = _tarball.Length - start;
        var breaks = BreaksLeft > 0;
        var count = (_tarball.Length - (int)start) / (breaks ? 2 : 1);
        await response.OutputStream.WriteAsync(_tarball.AsMemory((int)start, count));
        await response.OutputStream.FlushAsync();
        if (breaks)
        {
            BreaksLeft--;
            response.Abort();
        }
        else
        {
            response.Close();
        }
    }
}
