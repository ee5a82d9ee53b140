using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Metering.Cli.Tests.Commands;

/// <summary>An HTTP endpoint that answers as the test says and remembers what it was asked.</summary>
internal sealed class FakeClickHouse : IAsyncDisposable
{
    private readonly WebApplication _application;

    private FakeClickHouse(WebApplication application) => _application = application;

    public string Authority { get; private set; } = "";

    public string Query { get; private set; } = "";

    public string Body { get; private set; } = "";

    public string Authorization { get; private set; } = "";

    public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the client has stopped reading: a write has not ended for a second.</summary>
    public TaskCompletionSource Stalled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Answers without end.</summary>
    public static async Task<FakeClickHouse> StartEndlessAsync()
    {
        var part = new byte[1 << 20];
        FakeClickHouse? fake = null;
        fake = await StartAsync(async context =>
        {
            while (!context.RequestAborted.IsCancellationRequested)
            {
                var write = context.Response.Body.WriteAsync(part, context.RequestAborted).AsTask();
                if (await Task.WhenAny(write, Task.Delay(TimeSpan.FromSeconds(1))) != write)
                    fake!.Stalled.TrySetResult();
                await write;
            }
        });
        return fake;
    }

    public static async Task<FakeClickHouse> StartAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        var application = builder.Build();
        var fake = new FakeClickHouse(application);
        application.Run(async context =>
        {
            fake.Query = context.Request.QueryString.Value ?? "";
            fake.Authorization = context.Request.Headers.Authorization.ToString();
            using var reader = new StreamReader(context.Request.Body);
            fake.Body = await reader.ReadToEndAsync();
            fake.Asked.TrySetResult();
            await answer(context);
        });
        await application.StartAsync();
        fake.Authority = new Uri(application.Urls.First()).Authority;
        return fake;
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();
}
