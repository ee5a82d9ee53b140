using System.CommandLine;
using Metering.Cli.Output;
using Metering.Cli.Settings;
using Metering.Gateway.Hosting;
using Metering.Gateway.MockHost;

namespace Metering.Cli.Commands;

/// <summary>A model host that computes nothing, for tries and benchmarks.</summary>
public sealed class HostMockCommand : MeteringCommand
{
    private static readonly MockBehaviour Default = new();

    private readonly Option<string> _ttft = new("--ttft") { Description = "From a request to its first token: 0, 50ms, 1s.", HelpName = "DURATION", DefaultValueFactory = static _ => "0" };
    private readonly Option<double> _rate = new("--tokens-per-second") { Description = "Of each answer; 0 = as fast as it goes.", HelpName = "N" };
    private readonly Option<int> _tokens = new("--answer-tokens") { Description = "Tokens of an answer to a request without a maximum.", HelpName = "N", DefaultValueFactory = static _ => Default.DefaultTokens };
    private readonly Option<int> _most = new("--most-tokens") { Description = "An answer is never longer, whatever the request's maximum.", HelpName = "N", DefaultValueFactory = static _ => Default.MostTokens };
    private readonly Option<int> _chunk = new("--chunk-tokens") { Description = "Tokens in a chunk of a stream.", HelpName = "N", DefaultValueFactory = static _ => Default.TokensPerChunk };
    private readonly Option<double> _fail = new("--fail") { Description = "The share of requests that fail, 0 to 1.", HelpName = "SHARE" };
    private readonly Option<int> _failStatus = new("--fail-status") { Description = "With which HTTP status.", HelpName = "STATUS", DefaultValueFactory = static _ => Default.FailStatus };
    private readonly Option<double> _cut = new("--cut") { Description = "The share of answers that are cut in their middle, 0 to 1.", HelpName = "SHARE" };
    private readonly Option<double> _hang = new("--hang") { Description = "The share of answers that stand still in their middle, 0 to 1.", HelpName = "SHARE" };
    private readonly Option<int> _after = new("--break-after") { Description = "After how many tokens; 0 = before the first byte.", HelpName = "N", DefaultValueFactory = static _ => Default.BreakAfterTokens };
    private readonly Option<bool> _noUsage = new("--no-usage") { Description = "Report no usage." };
    private readonly Option<bool> _ignoresMax = new("--ignore-max-tokens") { Description = "Answer as long as ever, whatever a request's maximum." };

    public HostMockCommand()
        : base("host-mock", "A mock model host: OpenAI's API with settable latency, token rate and failures, exact totals at /stats.",
            KnownSettings.HostPort, KnownSettings.Listen, KnownSettings.For)
    {
        foreach (var option in (Option[])[_ttft, _rate, _tokens, _most, _chunk, _fail, _failStatus, _cut, _hang, _after, _noUsage, _ignoresMax])
            Options.Add(option);
    }

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        InlineCompletions.Enable();
        var behaviour = Behaviour(context.Parsed);
        await using var host = await MockModelHost.StartAsync(behaviour, context.Settings.Ports.Host, context.Settings.Ports.Listen, context.Loggers, context.Time, cancellationToken);
        context.Output.Ready(new ReadyAddresses { Host = host.Address });
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (cancellationToken.UnsafeRegister(static state => ((TaskCompletionSource)state!).TrySetResult(), stopped))
            await stopped.Task;
        await host.StopAsync();
        var stats = host.Stats;
        context.Output.Stopped(new LiveFigures { Requests = stats.Requests, Active = stats.Active, InputTokens = stats.PromptTokens, OutputTokens = stats.CompletionTokens });
        return ExitCodes.Done;
    }

    private MockBehaviour Behaviour(ParseResult parsed)
    {
        if (!Durations.TryParse(parsed.GetValue(_ttft)!, out var ttft))
            throw new WrongUsageException($"--ttft is \"{parsed.GetValue(_ttft)}\"; give a duration such as 50ms.");
        var behaviour = new MockBehaviour
        {
            TimeToFirstToken = ttft,
            TokensPerSecond = parsed.GetValue(_rate),
            DefaultTokens = parsed.GetValue(_tokens),
            MostTokens = parsed.GetValue(_most),
            TokensPerChunk = parsed.GetValue(_chunk),
            FailShare = parsed.GetValue(_fail),
            FailStatus = parsed.GetValue(_failStatus),
            CutShare = parsed.GetValue(_cut),
            HangShare = parsed.GetValue(_hang),
            BreakAfterTokens = parsed.GetValue(_after),
            ReportsUsage = !parsed.GetValue(_noUsage),
            HonoursMaxTokens = !parsed.GetValue(_ignoresMax),
        };
        return behaviour.Validate() is { Count: > 0 } errors ? throw new WrongUsageException(string.Join(' ', errors)) : behaviour;
    }
}
