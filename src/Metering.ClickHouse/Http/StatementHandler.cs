using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Metering.ClickHouse.Embedded;
using Metering.ClickHouse.Ledger;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Metering.ClickHouse.Http;

/// <summary>Runs the statement of one request: a query whose result streams out, or an insert whose data stream in.</summary>
internal sealed class StatementHandler(EmbeddedEngine engine, ClickHouseHttpOptions options, ServerIdentity identity)
{
    private const int MaxStatementBytes = 256 << 10; // ClickHouse's max_query_size: what stands before an insert's data
    private const int CopyBytes = 256 << 10;
    private const int UnknownFormat = 62, CannotDecompress = 271, TooManyQueries = 202;

    public async Task HandleAsync(HttpContext context)
    {
        var statement = HttpStatement.Of(context.Request, options);
        WriteHeaders(context.Response, statement);
        try
        {
            if (HttpMethods.IsPost(context.Request.Method))
                await PostAsync(context, statement);
            else if (statement.UrlQuery.Length == 0)
                await context.Response.WriteAsync("Ok.\n", context.RequestAborted);
            else
                await QueryAsync(context, statement, statement.UrlQuery, isReadOnly: true);
        }
        catch (LedgerException error)
        {
            await FailAsync(context, error.Message, error.Code);
        }
        catch (InvalidDataException error) // a compressed body that is none
        {
            await FailAsync(context, error.Message, CannotDecompress);
        }
        catch (OperationCanceledException)
        {
            context.Abort(); // the client has gone
        }
    }

    private async Task PostAsync(HttpContext context, HttpStatement statement)
    {
        if (context.Request.HasFormContentType && context.Request.ContentType!.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase))
        {
            foreach (var (name, value) in await context.Request.ReadFormAsync(context.RequestAborted))
                statement.TakePart(name, value.ToString());
            await QueryAsync(context, statement, statement.UrlQuery, isReadOnly: false);
            return;
        }
        await using var body = BodyOf(context.Request, statement);
        var urlQuery = statement.UrlQuery;
        if (urlQuery.Length > 0 && StatementText.IsInsertWithData(urlQuery, out var text, out var format, out var dataAt))
        {
            await InsertAsync(context, statement, text, format, Encoding.UTF8.GetBytes(urlQuery[dataAt..]), body);
            return;
        }
        var (head, isWhole) = await ReadHeadAsync(body, context.RequestAborted);
        var sql = Encoding.UTF8.GetString(head);
        if (urlQuery.Length == 0 && StatementText.IsInsertWithData(sql, out text, out format, out dataAt) && format != "Values")
            await InsertAsync(context, statement, text, format, head.AsMemory(Encoding.UTF8.GetByteCount(sql.AsSpan(0, dataAt))), body);
        else if (!isWhole)
            throw new LedgerException($"Code: 62. DB::Exception: the statement is longer than {MaxStatementBytes} bytes (max_query_size)", UnknownFormat);
        else
            await QueryAsync(context, statement, urlQuery.Length == 0 ? sql : urlQuery + "\n" + sql, isReadOnly: false);
    }

    private async Task QueryAsync(HttpContext context, HttpStatement statement, string sql, bool isReadOnly)
    {
        var response = context.Response;
        if (FirstQuestion.IsAsked(sql))
        {
            await response.Body.WriteAsync(FirstQuestion.Answer(identity), context.RequestAborted);
            return;
        }
        var query = new EmbeddedQuery(sql, statement.Format) { Parameters = statement.Parameters, Settings = SettingsOf(statement, isReadOnly), Database = statement.Database };
        await using var result = await engine.OpenAsync(query, context.RequestAborted);
        response.Headers["X-ClickHouse-Format"] = StatementText.ResultFormat(sql) ?? statement.Format;
        response.ContentType = ContentTypes.Of(response.Headers["X-ClickHouse-Format"]!);
        response.Headers["X-ClickHouse-Summary"] = SummaryOf(result.Summary);
        if (HttpMethods.IsHead(context.Request.Method))
            return;
        await using var output = OutputOf(context, statement);
        await result.CopyToAsync(output, context.RequestAborted);
    }

    private async Task InsertAsync(HttpContext context, HttpStatement statement, string text, string format, ReadOnlyMemory<byte> first, Stream body)
    {
        var insert = new EmbeddedInsert(text.Trim(), format) { Parameters = statement.Parameters, Settings = statement.Settings, Database = statement.Database };
        await using var stream = await engine.OpenInsertAsync(insert, context.RequestAborted);
        if (!first.IsEmpty)
            await stream.AppendAsync(first, context.RequestAborted);
        var buffer = new byte[CopyBytes];
        while (await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, context.RequestAborted) is var read && read > 0)
            await stream.AppendAsync(buffer.AsMemory(0, read), context.RequestAborted);
        context.Response.Headers["X-ClickHouse-Summary"] = SummaryOf(await stream.CompleteAsync(context.RequestAborted));
    }

    private static Dictionary<string, string> SettingsOf(HttpStatement statement, bool isReadOnly)
    {
        // As ClickHouse: what comes by GET may change nothing.
        if (isReadOnly && !statement.Settings.ContainsKey("readonly"))
            return new Dictionary<string, string>(statement.Settings, StringComparer.Ordinal) { ["readonly"] = "2" };
        return statement.Settings;
    }

    private static Stream BodyOf(HttpRequest request, HttpStatement statement)
    {
        Stream body = request.Headers.ContentEncoding.ToString().ToLowerInvariant() switch
        {
            "gzip" => new GZipStream(request.Body, CompressionMode.Decompress),
            "deflate" => new ZLibStream(request.Body, CompressionMode.Decompress),
            "br" => new BrotliStream(request.Body, CompressionMode.Decompress),
            _ => request.Body,
        };
        return statement.DecompressBody ? new FrameReader(body) : body;
    }

    private static Stream OutputOf(HttpContext context, HttpStatement statement)
    {
        var response = context.Response;
        if (statement.CompressResult)
            return new FrameWriter(response.Body);
        var accepted = context.Request.Headers.AcceptEncoding.ToString();
        if (!statement.EncodeResult || !accepted.Contains("gzip", StringComparison.OrdinalIgnoreCase))
            return new LeaveOpenStream(response.Body);
        response.Headers.ContentEncoding = "gzip";
        return new GZipStream(response.Body, CompressionLevel.Fastest, leaveOpen: true);
    }

    private static async Task<(byte[] Head, bool IsWhole)> ReadHeadAsync(Stream body, CancellationToken cancellationToken)
    {
        var head = new byte[MaxStatementBytes + 1];
        var length = await body.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken);
        return (head.AsSpan(0, length).ToArray(), length <= MaxStatementBytes);
    }

    private void WriteHeaders(HttpResponse response, HttpStatement statement)
    {
        response.Headers["X-ClickHouse-Server-Display-Name"] = ServerIdentity.DisplayName;
        response.Headers["X-ClickHouse-Query-Id"] = string.Concat(statement.QueryId.Where(c => c is > ' ' and < '\x7f'));
        response.Headers["X-ClickHouse-Timezone"] = identity.TimeZone;
        response.ContentType = "text/plain; charset=UTF-8";
    }

    private async Task FailAsync(HttpContext context, string message, int code)
    {
        if (context.Response.HasStarted)
        {
            context.Abort(); // an answer that is cut is an error to every client; one that ends well is not
            return;
        }
        context.Response.Headers.Remove("Content-Encoding");
        context.Response.Headers["X-ClickHouse-Exception-Code"] = code.ToString(CultureInfo.InvariantCulture);
        context.Response.StatusCode = StatusOf(code);
        var text = message.StartsWith("Code:", StringComparison.Ordinal) ? message : string.Create(CultureInfo.InvariantCulture, $"Code: {code}. DB::Exception: {message}");
        await context.Response.WriteAsync(text.Contains("(version ", StringComparison.Ordinal) ? text + "\n" : $"{text} (version {identity.Version})\n");
    }

    /// <summary>The statuses that ClickHouse's HTTPHandler gives its error codes.</summary>
    private static int StatusOf(int code) => code switch
    {
        6 or 8 or 15 or 25 or 26 or 27 or 36 or 38 or 41 or 44 or 53 or 62 or 69 or 70 or 72 or 117 or CannotDecompress => StatusCodes.Status400BadRequest,
        46 or 47 or 50 or 56 or 60 or 63 or 73 or 78 or 81 or 115 or 336 => StatusCodes.Status404NotFound,
        48 => StatusCodes.Status501NotImplemented,
        76 or 209 or TooManyQueries => StatusCodes.Status503ServiceUnavailable,
        159 or 160 => StatusCodes.Status408RequestTimeout,
        _ => StatusCodes.Status500InternalServerError,
    };

    private static string SummaryOf(in StatementSummary summary) => JsonSerializer.Serialize(new Dictionary<string, string>
    {
        ["read_rows"] = Text(summary.RowsRead),
        ["read_bytes"] = Text(summary.BytesRead),
        ["written_rows"] = Text(summary.RowsWritten),
        ["written_bytes"] = Text(summary.BytesWritten),
        ["total_rows_to_read"] = "0",
        ["result_rows"] = "0",
        ["result_bytes"] = "0",
        ["elapsed_ns"] = "0",
    });

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
