using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace Metering.Benchmarks.Gateways.Processes;

/// <summary>Bare YARP, in a process of its own: its forwarder as its documentation shows it, no log, the runtime's settings as the SDK
/// for web projects writes them.</summary>
internal sealed class YarpChild : IAsyncDisposable
{
    public const string Command = "gateway-yarp";

    // The file beside this program holds our own settings of the runtime.
    private const string RuntimeConfig = """
        { "runtimeOptions": { "tfm": "net10.0",
          "frameworks": [ { "name": "Microsoft.NETCore.App", "version": "10.0.0" }, { "name": "Microsoft.AspNetCore.App", "version": "10.0.0" } ],
          "configProperties": { "System.GC.Server": true } } }
        """;

    private readonly Child _child;

    private YarpChild(Child child, int port) => (_child, Port) = (child, port);

    public int Id => _child.Id;

    public int Port { get; }

    public static async Task<YarpChild> StartAsync(string folder, string upstream)
    {
        var config = Path.Combine(folder, "yarp.runtimeconfig.json");
        await File.WriteAllTextAsync(config, RuntimeConfig);
        var child = Child.StartTool("dotnet", "exec", "--runtimeconfig", config, typeof(YarpChild).Assembly.Location, Command, upstream);
        return new YarpChild(child, new Uri(await child.ReadLineAsync()).Port);
    }

    public ValueTask DisposeAsync() => _child.DisposeAsync();

    /// <summary>The child's own side.</summary>
    public static async Task<int> RunAsync(string upstream)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddHttpForwarder();
        await using var app = builder.Build();
        using var client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            EnableMultipleHttp2Connections = true,
            ActivityHeadersPropagator = new ReverseProxyPropagator(DistributedContextPropagator.Current),
            ConnectTimeout = TimeSpan.FromSeconds(15),
        });
        var forwarder = app.Services.GetRequiredService<IHttpForwarder>();
        app.Map("/{**rest}", async http => await forwarder.SendAsync(http, upstream, client, ForwarderRequestConfig.Empty, HttpTransformer.Default));
        await app.StartAsync();
        Console.WriteLine(app.Urls.Single());
        await Task.Run(Console.In.ReadToEnd);
        return 0;
    }
}
