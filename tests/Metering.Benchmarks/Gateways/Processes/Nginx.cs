using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Metering.Benchmarks.Gateways.Processes;

/// <summary>nginx as a plain proxy, set up as one who knows it would for this: connections to the upstream are kept, nothing is buffered
/// or logged.</summary>
internal sealed class Nginx : IAsyncDisposable
{
    private readonly Child _child;

    private Nginx(Child child, int port, IReadOnlyList<int> ids) => (_child, Port, Ids) = (child, port, ids);

    public int Port { get; }

    /// <summary>The master and its workers.</summary>
    public IReadOnlyList<int> Ids { get; }

    /// <summary>The program; null when there is none.</summary>
    public static string? Find() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Select(static folder => Path.Combine(folder, "nginx")).FirstOrDefault(File.Exists);

    public static async Task<Nginx> StartAsync(string program, string folder, int upstreamPort)
    {
        var port = FreePort();
        var config = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(config, ConfigOf(folder, port, upstreamPort));
        // The shell ends it when its own input does, so that none is left behind when the benchmark is killed.
        var child = Child.StartTool("sh", "-c", "\"$0\" -c \"$1\" -e stderr & cat >/dev/null; kill $!; wait", program, config);
        await UntilListeningAsync(port);
        var master = int.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "nginx.pid")), CultureInfo.InvariantCulture);
        return new Nginx(child, port, [master, .. ProcessFigures.ChildrenOf(master)]);
    }

    public ValueTask DisposeAsync() => _child.DisposeAsync();

    private static string ConfigOf(string folder, int port, int upstreamPort) => string.Create(CultureInfo.InvariantCulture, $$"""
        {{(Environment.UserName == "root" ? "user root;" : "")}}
        worker_processes auto;
        worker_rlimit_nofile 8192;
        pid {{folder}}/nginx.pid;
        daemon off;
        error_log stderr;
        events { worker_connections 4096; }
        http {
          access_log off;
          client_body_temp_path {{folder}}/body;
          proxy_temp_path {{folder}}/proxy;
          fastcgi_temp_path {{folder}}/fastcgi;
          uwsgi_temp_path {{folder}}/uwsgi;
          scgi_temp_path {{folder}}/scgi;
          keepalive_requests 100000000;
          keepalive_timeout 300s;
          client_body_buffer_size 64k;
          tcp_nodelay on;
          upstream host { server 127.0.0.1:{{upstreamPort}}; keepalive 2048; keepalive_requests 100000000; keepalive_timeout 300s; }
          server {
            listen 127.0.0.1:{{port}} backlog=2048;
            location / {
              proxy_pass http://host;
              proxy_http_version 1.1;
              proxy_set_header Connection "";
              proxy_buffering off;
            }
          }
        }
        """);

    private static async Task UntilListeningAsync(int port)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException) when (tries < 100)
            {
                await Task.Delay(50);
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
