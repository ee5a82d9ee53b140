using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace Metering.Cli.Tests.Commands;

public sealed class QueryCommandTests
{
    [Fact]
    public async Task Query_posts_the_statement_with_its_settings_and_passes_the_bytes_through()
    {
        byte[] answer = [0, 255, 10, 13, 10, 200, (byte)'x'];
        await using var server = await FakeClickHouse.StartAsync(context => context.Response.Body.WriteAsync(answer).AsTask());
        await using var process = MeteringProcess.Start(
        [
            "query", "SELECT {t:String}", "--format", "Native", "--param", "t=a\tb=c&d", "--clickhouse", $"http://me:p%40w@{server.Authority}",
        ]);
        using var bytes = new MemoryStream();
        await process.Out.BaseStream.CopyToAsync(bytes);

        Assert.Equal(0, await process.ExitCodeAsync());
        Assert.Equal(answer, bytes.ToArray());
        Assert.Equal("SELECT {t:String}", server.Body);
        Assert.Equal("?database=metering&default_format=Native&param_t=a%5Ctb%3Dc%26d", server.Query);
        Assert.Equal("Basic " + Convert.ToBase64String("me:p@w"u8), server.Authorization);
    }

    [Theory]
    [InlineData("/other", new string[0], "?database=other&default_format=PrettyCompact")]
    [InlineData("?database=x&max_threads=1", new string[0], "?database=x&max_threads=1&default_format=PrettyCompact")]
    [InlineData("", new[] { "--json" }, "?database=metering&default_format=JSONEachRow")]
    public async Task Query_database_and_format_come_from_the_address_and_flags(string suffix, string[] more, string expected)
    {
        await using var server = await FakeClickHouse.StartAsync(_ => Task.CompletedTask);
        var (exitCode, _, error) = await MeteringProcess.RunAsync(["query", "SELECT 1", "--clickhouse", $"http://{server.Authority}{suffix}", .. more]);

        Assert.Equal(0, exitCode);
        Assert.Empty(error);
        Assert.Equal(expected, server.Query);
    }

    [Fact]
    public async Task Query_statement_comes_from_standard_input()
    {
        await using var server = await FakeClickHouse.StartAsync(_ => Task.CompletedTask);
        var (exitCode, _, _) = await MeteringProcess.RunAsync(["query", "-", "--clickhouse", $"http://{server.Authority}"], input: "SELECT\n2");

        Assert.Equal(0, exitCode);
        Assert.Equal("SELECT\n2", server.Body);
    }

    [Fact]
    public async Task Query_error_of_the_server_is_1_and_its_words_go_to_standard_error()
    {
        await using var server = await FakeClickHouse.StartAsync(context =>
        {
            context.Response.StatusCode = 404;
            return context.Response.WriteAsync("Code: 60. DB::Exception: Unknown table expression identifier 'nope'. (UNKNOWN_TABLE)\n");
        });
        var (exitCode, output, error) = await MeteringProcess.RunAsync(["query", "SELECT * FROM nope", "--clickhouse", $"http://{server.Authority}"]);

        Assert.Equal(1, exitCode);
        Assert.Empty(output);
        Assert.Equal("metering: Code: 60. DB::Exception: Unknown table expression identifier 'nope'. (UNKNOWN_TABLE)\n", error);
    }

    [Fact]
    public async Task Query_answer_that_breaks_off_is_1_and_said()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var broken = BreakOffAsync(listener);
        var (exitCode, output, error) = await MeteringProcess.RunAsync(["query", "SELECT 1", "--clickhouse", $"http://{listener.LocalEndpoint}"]);
        await broken;

        Assert.Equal(1, exitCode);
        Assert.Equal("half", output);
        Assert.Contains("what was printed is not whole", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("INT", false)]
    [InlineData("INT", true)]
    [InlineData("TERM", false)]
    public async Task Query_stopped_by_a_signal_ends_and_is_1(string signal, bool inBackground)
    {
        await using var server = await FakeClickHouse.StartAsync(context => Task.Delay(Timeout.Infinite, context.RequestAborted));
        await using var process = MeteringProcess.Start(["query", "SELECT sleep(1000)", "--clickhouse", $"http://{server.Authority}"], inBackground: inBackground);
        await server.Asked.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await process.SignalAsync(signal);

        Assert.Equal(1, await process.ExitCodeAsync());
        Assert.Contains("stopped before it was done", await process.Error.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Query_for_a_duration_stops_by_itself()
    {
        await using var server = await FakeClickHouse.StartAsync(context => Task.Delay(Timeout.Infinite, context.RequestAborted));
        var (exitCode, _, error) = await MeteringProcess.RunAsync(["query", "SELECT 1", "--for", "300ms", "--clickhouse", $"http://{server.Authority}"]);

        Assert.Equal(1, exitCode);
        Assert.Contains("stopped before it was done", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Query_waiting_for_standard_input_ends_when_told()
    {
        // Its own time limit stands in for the signal: when it waits for its input cannot be seen from outside.
        await using var process = MeteringProcess.Start(["query", "-", "--for", "300ms"]);

        Assert.Equal(1, await process.ExitCodeAsync());
    }

    [Fact]
    public async Task Second_signal_ends_at_once_what_does_not_stop()
    {
        await using var server = await FakeClickHouse.StartEndlessAsync();
        // Nobody reads its standard output, so it hangs in a write that no token ends.
        await using var process = MeteringProcess.Start(["query", "SELECT 1", "--clickhouse", $"http://{server.Authority}"]);
        await server.Stalled.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await process.SignalAsync("INT");
        Assert.Equal("stopping; once more ends it at once", await process.Error.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30)));
        await process.SignalAsync("INT");

        Assert.Equal(130, await process.ExitCodeAsync());
    }

    [Fact]
    public async Task Query_whose_reader_has_read_enough_is_done()
    {
        await using var server = await FakeClickHouse.StartEndlessAsync();
        await using var process = MeteringProcess.Start(["query", "SELECT 1", "--clickhouse", $"http://{server.Authority}"]);
        var first = new byte[10];
        await process.Out.BaseStream.ReadExactlyAsync(first);
        process.Out.Close();

        Assert.Equal(0, await process.ExitCodeAsync());
        Assert.Empty(await process.Error.ReadToEndAsync());
    }

    /// <summary>Sends one part of an answer in parts and hangs up.</summary>
    private static async Task BreakOffAsync(TcpListener listener)
    {
        using var client = await listener.AcceptTcpClientAsync();
        var stream = client.GetStream();
        var request = new byte[4096];
        var read = await stream.ReadAsync(request);
        Assert.NotEqual(0, read);
        await stream.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"u8.ToArray());
        client.Client.Shutdown(SocketShutdown.Send);
        // Until the other side hangs up too: closing with unread bytes would reset the connection.
        while (await stream.ReadAsync(request) > 0)
            continue;
    }
}
