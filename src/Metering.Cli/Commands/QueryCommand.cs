using System.CommandLine;
using System.Net.Sockets;
using Metering.Cli.Settings;

namespace Metering.Cli.Commands;

/// <summary>Runs SQL on the ledger and streams ClickHouse's answer to standard output.</summary>
public sealed class QueryCommand : MeteringCommand
{
    private readonly Argument<string> _sql = new("sql") { Description = "The statement; - reads it from standard input." };

    private readonly Option<string?> _format = new("--format")
    {
        Description = "Any ClickHouse format. [default: PrettyCompact; JSONEachRow with --json]",
        HelpName = "FORMAT",
    };

    private readonly Option<string[]> _parameters = new("--param")
    {
        Description = "Fills {name:Type} in the statement; repeatable.",
        HelpName = "NAME=VALUE",
        Arity = ArgumentArity.OneOrMore,
    };

    public QueryCommand()
        : base("query", "Run SQL on the ledger (database metering).", KnownSettings.ClickHouseUrl)
    {
        Arguments.Add(_sql);
        Options.Add(_format);
        Options.Add(_parameters);
    }

    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var url = context.Settings.ClickHouseOrLocal;
        var sql = context.Parsed.GetRequiredValue(_sql);
        if (sql is "-")
            sql = await ReadInputAsync(cancellationToken);
        var format = context.Parsed.GetValue(_format) ?? (context.Settings.Output.Json ? "JSONEachRow" : "PrettyCompact");
        using var client = new ClickHouseQuery(url);
        try
        {
            await client.RunAsync(sql, format, Parameters(context.Parsed), context.Output.Raw, cancellationToken);
            return ExitCodes.Done;
        }
        catch (IOException)
        {
            // The reader of standard output has read enough (`| head`); an answer that breaks off is another exception.
            return ExitCodes.Done;
        }
        catch (HttpRequestException e)
        {
            throw new ServiceUnreachableException("ClickHouse", url.ToString(), e.InnerException is SocketException s ? s.Message : e.Message,
                "start metering up, or name a server by --clickhouse", e);
        }
    }

    /// <summary>A read of the console blocks its thread whatever the token says, so it has one of its own.</summary>
    private static Task<string> ReadInputAsync(CancellationToken cancellationToken) =>
        Task.Run(Console.In.ReadToEnd, CancellationToken.None).WaitAsync(cancellationToken);

    private Dictionary<string, string> Parameters(ParseResult parsed)
    {
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in parsed.GetValue(_parameters) ?? [])
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw new WrongUsageException($"--param \"{pair}\" is no NAME=VALUE; write --param tenant=acme for {{tenant:String}}.");
            parameters[pair[..equals]] = pair[(equals + 1)..];
        }
        return parameters;
    }
}
