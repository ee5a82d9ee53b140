using System.Text.Json;
using Metering.Benchmarks.Gateways.Processes;

namespace Metering.Benchmarks.Gateways.Load;

/// <summary>The load generator in a process of its own: an order a line on its standard input, a report a line on its output. It
/// lives as long as the benchmark, so that its code is compiled when it matters.</summary>
internal sealed class LoadChild : IAsyncDisposable
{
    public const string Command = "gateway-load";

    private const string AllBegun = "begun";

    private readonly Child _child;

    private LoadChild(Child child) => _child = child;

    public static LoadChild Start() => new(Child.StartSelf(Command));

    /// <param name="order">What to do.</param>
    /// <param name="whenAllBegun">Called when every stream has its first token.</param>
    /// <exception cref="InvalidOperationException">Some requests were not answered well: figures of such a run mean nothing.</exception>
    public async Task<LoadReport> RunAsync(LoadOrder order, Func<Task>? whenAllBegun = null)
    {
        await _child.WriteLineAsync(JsonSerializer.Serialize(order));
        var line = await _child.ReadLineAsync();
        if (line == AllBegun)
        {
            if (whenAllBegun is not null)
                await whenAllBegun();
            line = await _child.ReadLineAsync();
        }
        var report = JsonSerializer.Deserialize<LoadReport>(line)!;
        return report.Failed == 0 ? report : throw new InvalidOperationException($"{report.Failed} of {report.Answered + report.Failed} requests failed ({order.Kind}, port {order.Port}): {report.FirstFailure}");
    }

    public ValueTask DisposeAsync() => _child.DisposeAsync();

    /// <summary>The child's own side.</summary>
    public static int Run()
    {
        while (Console.In.ReadLine() is { } line)
        {
            using var loop = LoopOf(JsonSerializer.Deserialize<LoadOrder>(line)!);
            Console.WriteLine(JsonSerializer.Serialize(loop.Run()));
        }
        return 0;
    }

    private static LoadLoop LoopOf(LoadOrder order) => order.Kind switch
    {
        LoadKind.Closed => new ClosedLoop(order),
        LoadKind.Rate => new RateLoop(order),
        _ => new StreamLoop(order, () => Console.WriteLine(AllBegun)),
    };
}
